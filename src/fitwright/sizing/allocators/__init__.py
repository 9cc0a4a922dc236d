"""Models of memory allocators: what a stream of tensors that come and go reserves, without a device.

interface: what every model offers, and the replay; caching: PyTorch's for CUDA, with its blocks and segments;
glibc: the C library's, which torch uses on a CPU, with its arena.
"""
