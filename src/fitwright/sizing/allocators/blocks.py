"""Blocks of device memory, and the two pools, small and large, of PyTorch's caching allocator.

Source: ``c10/cuda/CUDACachingAllocator.cpp`` and ``c10/core/AllocatorConfig.h`` of PyTorch 2.13
(https://github.com/pytorch/pytorch).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

MIN_BLOCK_BYTES: Final = 512
SMALL_BYTES: Final = 1 << 20
"""The largest request of the small pool."""


class Block:
    """A run of addresses of one segment, between its neighbours ``before`` and ``after`` there.

    ``mapped`` is false for address space of an expandable segment that has no memory behind it.
    """

    __slots__ = ("address", "after", "allocated", "before", "mapped", "pool", "size")

    def __init__(self, pool: Pool, address: int, size: int) -> None:
        self.pool, self.address, self.size = pool, address, size
        self.before: Block | None = None
        self.after: Block | None = None
        self.allocated = False
        self.mapped = True

    @property
    def whole(self) -> bool:
        """Whether this is its segment, undivided."""
        return self.before is None and self.after is None

    def split(self, size: int) -> Block:
        """Cut this block to ``size`` bytes; the rest, in no pool yet."""
        rest = Block(self.pool, self.address + size, self.size - size)
        rest.mapped = self.mapped
        rest.before, rest.after = self, self.after
        if rest.after is not None:
            rest.after.before = rest
        self.after, self.size = rest, size
        return rest


class Pool:
    """Free blocks by size, then address; of expandable segments also the unmapped ones by address."""

    def __init__(self, *, small: bool) -> None:
        self.small = small
        self.free: list[tuple[int, int, Block]] = []
        self.unmapped: list[tuple[int, Block]] = []

    def add(self, block: Block) -> None:
        """Put a block in no list into the list that it belongs to."""
        if block.mapped:
            insort(self.free, (block.size, block.address, block))
        else:
            insort(self.unmapped, (block.address, block))

    def remove(self, block: Block) -> None:
        """Take a free block out of its list."""
        if block.mapped:
            del self.free[bisect_left(self.free, (block.size, block.address))]
        else:
            del self.unmapped[bisect_left(self.unmapped, (block.address,))]

    def place(self, size: int) -> int:
        """Index in ``free`` of the smallest block of ``size`` bytes or more, the lowest address of equals."""
        return bisect_left(self.free, (size,))

    def merge(self, block: Block) -> None:
        """Unite a block in no list with its free neighbours of the same kind. It stays in no list."""
        before, after = block.before, block.after
        if before is not None and not before.allocated and before.mapped == block.mapped:
            self.remove(before)
            block.address, block.size = before.address, before.size + block.size
            block.before = before.before
            if block.before is not None:
                block.before.after = block
        if after is not None and not after.allocated and after.mapped == block.mapped:
            self.remove(after)
            block.size += after.size
            block.after = after.after
            if block.after is not None:
                block.after.before = block
