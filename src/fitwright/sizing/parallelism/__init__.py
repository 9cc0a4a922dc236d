"""Many devices: what each holds, and what they tell each other.

communication: bytes of collective operations, links and times; sharding: DDP, ZeRO and FSDP; tensor: tensor
parallelism.
"""
