"""What one step of a model does, as data: operators with shapes, tensors that come and go. No torch.

polynomial: a size in terms of batch B and sequence S; program: the trace and its parts; expand: repeat the
one traced layer; codec: trace ↔ JSON; store: shipped traces, and those made on this machine.
"""
