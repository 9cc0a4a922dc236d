"""Bytes that a step needs: allocated (tensors), reserved (CUDA's allocator), process (everything).

replay: the trace through a model of the allocator; optimisers: states and temporaries; runtime: what a
process needs besides its tensors; step: all of it for one workload; closed_form: formulas, for models without
a trace.
"""
