"""PyTorch's caching allocator of CUDA memory."""

from __future__ import annotations

from fitwright.core.errors import UsageError
from fitwright.sizing.allocators.blocks import MIN_BLOCK_BYTES, SMALL_BYTES, Block, Pool
from fitwright.sizing.allocators.interface import OutOfMemory
from fitwright.sizing.allocators.segments import (
    LARGE_SEGMENT_BYTES,
    Device,
    ExpandableSegments,
    FixedSegments,
    Segments,
)


class CachingAllocator:
    """Replays tensors through the rules of PyTorch 2.13's native CUDA allocator, on one stream.

    Requests are rounded up to 512 bytes. Up to 1 MiB they share 2 MiB segments, below 10 MiB they come from
    20 MiB segments, above that from segments of their own, rounded up to 2 MiB. A request takes the smallest
    free block that fits, the lowest address of equals; the rest is split off if it is at least 512 bytes in
    the small pool, more than 1 MiB in the large one. Freed blocks unite with free neighbours of their segment
    and are kept. When the device is full, what is free and undivided goes back to it, and the request is
    tried once more.

    ``allocated_bytes`` counts whole blocks as ``torch.cuda.memory_allocated`` does, the unsplit rest
    included; ``reserved_bytes`` is ``torch.cuda.memory_reserved``.

    Source: ``c10/cuda/CUDACachingAllocator.cpp`` of PyTorch (https://github.com/pytorch/pytorch). Known
    error: segments get rising addresses, where the driver may choose others, which decides between free
    blocks of one size; use on several streams, CUDA graphs' private pools, garbage collection and rounding to
    powers of two are left out.

    Args:
        capacity_bytes: what the device has for this allocator, context and other processes taken off;
            ``None``: no limit.
        expandable: as ``PYTORCH_ALLOC_CONF=expandable_segments:True``.
        max_split_bytes: as ``max_split_size_mb``; ``None``: every block may be split. More than 20 MiB.
        large_segment_bytes: as ``large_segment_size_mb``.

    Raises:
        UsageError: ``max_split_bytes`` is too small, or given with ``expandable``.
    """

    def __init__(
        self,
        *,
        capacity_bytes: int | None = None,
        expandable: bool = False,
        max_split_bytes: int | None = None,
        large_segment_bytes: int = LARGE_SEGMENT_BYTES,
    ) -> None:
        if max_split_bytes is not None and (expandable or max_split_bytes <= LARGE_SEGMENT_BYTES):
            raise UsageError(
                "max_split_bytes cannot be so",
                got=max_split_bytes,
                allowed="more than 20971520 (20 MiB), and not with expandable segments",
            )
        self._device = Device(capacity_bytes)
        self._segments: Segments = (
            ExpandableSegments(self._device, large_segment_bytes=large_segment_bytes)
            if expandable
            else FixedSegments(
                self._device, large_segment_bytes=large_segment_bytes, max_split_bytes=max_split_bytes
            )
        )
        self._small, self._large = Pool(small=True), Pool(small=False)
        self._live: dict[int, Block | None] = {}
        self.allocated_bytes = self.peak_allocated_bytes = 0

    @property
    def reserved_bytes(self) -> int:
        """Device memory held, free blocks included."""
        return self._device.reserved_bytes

    @property
    def peak_reserved_bytes(self) -> int:
        """The most device memory ever held."""
        return self._device.peak_reserved_bytes

    def allocate(self, slot: int, size_bytes: int) -> None:
        """A tensor of ``size_bytes`` comes to life; an empty one takes nothing.

        Raises:
            OutOfMemory: it does not fit into the capacity, the cache given back.
            UsageError: the slot is in use, or the size is negative.
        """
        if slot in self._live:
            raise UsageError("this slot is in use", got=slot)
        if size_bytes <= 0:
            if size_bytes < 0:
                raise UsageError("a tensor cannot have a negative size", got=size_bytes)
            self._live[slot] = None
            return
        size = -(-size_bytes // MIN_BLOCK_BYTES) * MIN_BLOCK_BYTES
        pool = self._small if size <= SMALL_BYTES else self._large
        segments = self._segments
        block = (
            segments.find(pool, size)
            or segments.obtain(pool, size)
            or self._obtain_after_giving_back(pool, size)
        )
        if segments.worth_splitting(block, size):
            pool.add(block.split(size))
        block.allocated = True
        self._live[slot] = block
        self.allocated_bytes += block.size
        if self.allocated_bytes > self.peak_allocated_bytes:
            self.peak_allocated_bytes = self.allocated_bytes

    def free(self, slot: int) -> None:
        """The tensor of ``slot`` dies; its block is kept for others.

        Raises:
            UsageError: the slot is not in use.
        """
        try:
            block = self._live.pop(slot)
        except KeyError:
            raise UsageError("this slot is not in use", got=slot) from None
        if block is None:
            return
        self.allocated_bytes -= block.size
        block.allocated = False
        block.pool.merge(block)
        block.pool.add(block)

    def empty_cache(self) -> None:
        """Give back what is free and undivided, as ``torch.cuda.empty_cache``."""
        self._segments.give_back(self._large)
        self._segments.give_back(self._small)

    def _obtain_after_giving_back(self, pool: Pool, size: int) -> Block:
        self.empty_cache()
        block = self._segments.obtain(pool, size)
        if block is None:
            raise OutOfMemory(
                size_bytes=size,
                allocated_bytes=self.allocated_bytes,
                reserved_bytes=self._device.reserved_bytes,
                capacity_bytes=self._device.capacity_bytes or 0,
            )
        return block
