"""Where the caching allocator's memory comes from: one cudaMalloc per segment, or segments that grow.

Source: ``alloc_block``, ``try_allocate_expandable_block``, ``release_blocks`` and ``unmap_block`` of
``c10/cuda/CUDACachingAllocator.cpp`` of PyTorch 2.13; ``expandable_segments`` in
https://docs.pytorch.org/docs/stable/notes/cuda.html#optimizing-memory-usage-with-pytorch-alloc-conf.
"""

from __future__ import annotations

from typing import Final, Protocol

from fitwright.sizing.allocators.blocks import MIN_BLOCK_BYTES, SMALL_BYTES, Block, Pool

SMALL_SEGMENT_BYTES: Final = 2 << 20
LARGE_SEGMENT_BYTES: Final = 20 << 20
_MIN_LARGE_BYTES, _ROUND_BYTES = 10 << 20, 2 << 20
_ADDRESS_SPACE_BYTES = 1 << 48


class Device:
    """The memory behind the segments.

    Attributes:
        capacity_bytes: what may be reserved at most; ``None`` for no limit.
        reserved_bytes, peak_reserved_bytes: what is reserved, and was at most.
    """

    def __init__(self, capacity_bytes: int | None) -> None:
        self.capacity_bytes = capacity_bytes
        self.reserved_bytes = self.peak_reserved_bytes = 0
        self._next_address = 0

    def reserve(self, size_bytes: int) -> bool:
        """Take memory; whether there was enough."""
        reserved_bytes = self.reserved_bytes + size_bytes
        if self.capacity_bytes is not None and reserved_bytes > self.capacity_bytes:
            return False
        self.reserved_bytes = reserved_bytes
        self.peak_reserved_bytes = max(self.peak_reserved_bytes, reserved_bytes)
        return True

    def release(self, size_bytes: int) -> None:
        """Give memory back."""
        self.reserved_bytes -= size_bytes

    def addresses(self, size_bytes: int, *, multiple: int = SMALL_SEGMENT_BYTES) -> int:
        """The first of ``size_bytes`` addresses that nobody has, rising from call to call."""
        first = -(-self._next_address // multiple) * multiple
        self._next_address = first + size_bytes
        return first


class Segments(Protocol):
    """A source of blocks."""

    def find(self, pool: Pool, size: int) -> Block | None:
        """A free block of at least ``size`` bytes, taken out of the pool; ``None`` where there is none."""

    def obtain(self, pool: Pool, size: int) -> Block | None:
        """A block of at least ``size`` bytes of new memory, in no list; ``None`` where the device is full."""

    def worth_splitting(self, block: Block, size: int) -> bool:
        """Whether a request of ``size`` bytes leaves a rest of ``block`` that is worth keeping."""

    def give_back(self, pool: Pool) -> None:
        """Return to the device all free memory of the pool that can be."""


class FixedSegments:
    """One cudaMalloc per segment: 2 MiB for small requests, 20 MiB below 10 MiB, else rounded up to 2 MiB.

    Blocks of ``max_split_bytes`` or more are never split, and only serve requests at least that large that
    leave less than 20 MiB unused.
    """

    def __init__(self, device: Device, *, large_segment_bytes: int, max_split_bytes: int | None) -> None:
        self._device = device
        self._large_segment_bytes = large_segment_bytes
        self._max_split_bytes = max_split_bytes

    def find(self, pool: Pool, size: int) -> Block | None:
        index = pool.place(size)
        if index == len(pool.free):
            return None
        limit = self._max_split_bytes
        if limit is not None:
            found = pool.free[index][0]
            if found >= (limit if size < limit else size + LARGE_SEGMENT_BYTES):
                return None
        return pool.free.pop(index)[2]

    def obtain(self, pool: Pool, size: int) -> Block | None:
        segment_bytes = self._segment_bytes(size)
        fits = self._device.reserve(segment_bytes)
        if not fits and self._give_back_oversize(pool, size):
            fits = self._device.reserve(segment_bytes)
        return Block(pool, self._device.addresses(segment_bytes), segment_bytes) if fits else None

    def worth_splitting(self, block: Block, size: int) -> bool:
        rest = block.size - size
        if block.pool.small:
            return rest >= MIN_BLOCK_BYTES
        return rest > SMALL_BYTES and (self._max_split_bytes is None or size < self._max_split_bytes)

    def give_back(self, pool: Pool) -> None:
        for _, _, block in pool.free:
            if block.whole:
                self._device.release(block.size)
        pool.free = [entry for entry in pool.free if not entry[2].whole]

    def _segment_bytes(self, size: int) -> int:
        if size <= SMALL_BYTES:
            return SMALL_SEGMENT_BYTES
        if size < _MIN_LARGE_BYTES:
            return self._large_segment_bytes
        return -(-size // _ROUND_BYTES) * _ROUND_BYTES

    def _give_back_oversize(self, pool: Pool, size: int) -> bool:
        """Give back one unsplittable block that is large enough, else the largest ones, largest first."""
        if self._max_split_bytes is None:
            return False
        wanted = max(size, self._max_split_bytes)
        index = pool.place(wanted)
        if index < len(pool.free):
            self._device.release(pool.free.pop(index)[0])
            return True
        released = 0
        while released < wanted and pool.free and pool.free[-1][0] >= self._max_split_bytes:
            released += pool.free[-1][0]
            self._device.release(pool.free.pop()[0])
        return released >= wanted


class ExpandableSegments:
    """One segment per pool that grows by pages at its end: 2 MiB in the small pool, 20 MiB in the large one.

    Under pressure every whole free page is unmapped. The address space is taken to be without end; PyTorch
    has 1 1/8 of the device's memory of it, and a second segment after that.
    """

    def __init__(self, device: Device, *, large_segment_bytes: int) -> None:
        self._device = device
        self._large_segment_bytes = large_segment_bytes

    def find(self, pool: Pool, size: int) -> Block | None:
        """Best fit, where a block counts with the unmapped space behind it: the segment's end comes last."""
        index, free = pool.place(size), pool.free
        if index == len(free):
            return None
        while index + 1 < len(free) and _growable_bytes(free[index + 1][2]) < _growable_bytes(free[index][2]):
            index += 1
        return free.pop(index)[2]

    def obtain(self, pool: Pool, size: int) -> Block | None:
        block = self._lowest_place(pool, size)
        if not block.mapped and not self._map(block, min(block.size, size)):
            return None
        while block.size < size:
            following = block.after
            if following is None or not self._map(following, min(size - block.size, following.size)):
                return None
            block = following  # it has taken its free neighbours in
        pool.remove(block)
        return block

    def worth_splitting(self, block: Block, size: int) -> bool:
        return block.size - size >= MIN_BLOCK_BYTES

    def give_back(self, pool: Pool) -> None:
        for _, _, block in list(pool.free):
            self._unmap(block)

    def _page_bytes(self, pool: Pool) -> int:
        return SMALL_SEGMENT_BYTES if pool.small else self._large_segment_bytes

    def _lowest_place(self, pool: Pool, size: int) -> Block:
        """The first of a run of free and unmapped blocks that together have room."""
        for _, unmapped in pool.unmapped:
            before = unmapped.before
            first = before if before is not None and not before.allocated else unmapped
            room, block = 0, first
            while room < size and not block.allocated:
                room += block.size
                if block.after is None:
                    break
                block = block.after
            if room >= size:
                return first
        address = self._device.addresses(_ADDRESS_SPACE_BYTES, multiple=self._page_bytes(pool))
        segment = Block(pool, address, _ADDRESS_SPACE_BYTES)
        segment.mapped = False
        pool.add(segment)
        return segment

    def _map(self, block: Block, size: int) -> bool:
        """Put memory behind the first pages of an unmapped block, and add it, united, to the pool."""
        page_bytes = self._page_bytes(block.pool)
        mapped_bytes = -(-size // page_bytes) * page_bytes
        if not self._device.reserve(mapped_bytes):
            return False
        pool = block.pool
        pool.remove(block)
        if mapped_bytes < block.size:
            pool.add(block.split(mapped_bytes))
        block.mapped = True
        pool.merge(block)
        pool.add(block)
        return True

    def _unmap(self, block: Block) -> None:
        """Take the memory from behind the whole pages of a free block."""
        pool, page_bytes = block.pool, self._page_bytes(block.pool)
        first = -(-block.address // page_bytes) * page_bytes
        end = (block.address + block.size) // page_bytes * page_bytes
        if first >= end:
            return
        pool.remove(block)
        if first > block.address:
            rest = block.split(first - block.address)
            pool.add(block)
            block = rest
        if end - first < block.size:
            pool.add(block.split(end - first))
        block.mapped = False
        self._device.release(block.size)
        pool.merge(block)
        pool.add(block)


def _growable_bytes(block: Block) -> int:
    after = block.after
    return block.size + (after.size if after is not None and not after.mapped else 0)
