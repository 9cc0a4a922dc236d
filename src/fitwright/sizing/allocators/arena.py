"""The main heap of glibc's malloc: chunks side by side, bins of free ones, and the top that grows by brk.

Source: malloc/malloc.c of glibc 2.36
(https://sourceware.org/git/?p=glibc.git;a=blob;f=malloc/malloc.c;hb=glibc-2.36): ``_int_malloc``,
``_int_free``, ``malloc_consolidate``, ``sysmalloc``, ``systrim``; 64-bit constants. Left out: the last
remainder of small requests, threads with arenas of their own.
"""

from __future__ import annotations

from bisect import bisect_left

PAGE_BYTES = 4096
MIN_CHUNK_BYTES = 32
TOP_PAD_BYTES = 128 * 1024
_SMALL_BYTES = 1024
_FAST_BYTES = 128
_CACHED_BYTES, _CACHED_COUNT = 1040, 7
_CONSOLIDATE_BYTES = 64 * 1024
_THREAD_CACHE_BYTES = 0x290
_NEVER = 1 << 62
_USED, _UNSORTED, _BINNED = range(3)


class Chunk:
    """A piece of the heap, header included, between its neighbours ``before`` and ``after``."""

    __slots__ = ("address", "after", "before", "order", "size", "state")

    def __init__(self, address: int, size: int, before: Chunk | None, after: Chunk | None) -> None:
        self.address, self.size = address, size
        self.before, self.after = before, after
        self.state = _USED
        self.order = 0


class Arena:
    """The heap from its start, address 0, to its end, the program break.

    Attributes:
        top: address of the unused rest at the end.
        end: the program break, a multiple of the page.
        touched: highest address ever written and not given back; all below it is resident.
    """

    def __init__(self, offset_bytes: int = 0) -> None:
        self.top = self.touched = _THREAD_CACHE_BYTES + offset_bytes
        self.end = 0
        self._last: Chunk | None = None
        self._bins: list[tuple[int, int, Chunk]] = []
        self._unsorted: list[Chunk] = []
        self._cached: dict[int, list[Chunk]] = {}
        self._fast: dict[int, list[Chunk]] = {}
        self._order = 0

    def take(self, size: int, mmap_threshold_bytes: int) -> Chunk | None:
        """A chunk of at least ``size`` bytes, a multiple of 16; ``None`` where malloc would call mmap."""
        if self._fast and size >= _SMALL_BYTES:
            self._consolidate()
        chunk = self._from_unsorted(size) if self._unsorted else None
        if chunk is None:
            chunk = self._from_bins(size)
            if chunk is None:
                return self._from_top(size, mmap_threshold_bytes)
        if chunk.size - size >= MIN_CHUNK_BYTES:
            self._hand_back(self.split(chunk, size))
        return chunk

    def take_small(self, size: int) -> Chunk:
        """As :meth:`take` for a small size, which looks into the thread's cache and the fast bins first."""
        if self._cached.get(size):
            return self._cached[size].pop()
        if size in self._fast:
            waiting = self._fast[size]
            chunk = waiting.pop()
            if not waiting:
                del self._fast[size]
            return chunk
        taken = self.take(size, _NEVER)
        if taken is None:  # never: the threshold above forbids it
            raise MemoryError(size)
        return taken

    def give(self, chunk: Chunk, trim_threshold_bytes: int) -> None:
        """Free a chunk. Small ones wait in the thread's cache or a fast bin, between their neighbours."""
        size = chunk.size
        if size <= _CACHED_BYTES:
            waiting = self._cached.get(size)
            if waiting is None:
                waiting = self._cached[size] = []
            if len(waiting) < _CACHED_COUNT:
                waiting.append(chunk)
                return
            if size <= _FAST_BYTES:
                self._fast.setdefault(size, []).append(chunk)
                return
        if self._merge(chunk) >= _CONSOLIDATE_BYTES:
            if self._fast:
                self._consolidate()
            if self.end - self.top >= trim_threshold_bytes:
                self._trim()

    def split(self, chunk: Chunk, size: int) -> Chunk:
        """Cut ``chunk`` to ``size`` bytes; the rest, in use."""
        rest = Chunk(chunk.address + size, chunk.size - size, chunk, chunk.after)
        if rest.after is None:
            self._last = rest
        else:
            rest.after.before = rest
        chunk.after, chunk.size = rest, size
        return rest

    def _from_unsorted(self, size: int) -> Chunk | None:
        waiting = self._unsorted
        for index, chunk in enumerate(waiting):
            if chunk.size == size:
                del waiting[: index + 1]
                chunk.state = _USED
                return chunk
            self._sort(chunk)
        waiting.clear()
        return None

    def _sort(self, chunk: Chunk) -> None:
        """Put a chunk into its bin. Of equal large chunks the first to come, order 0, is taken last."""
        size, bins = chunk.size, self._bins
        place = bisect_left(bins, (size + 1,))
        if size >= _SMALL_BYTES and (place == 0 or bins[place - 1][0] != size):
            chunk.order = 0
        else:
            self._order += 1
            chunk.order = self._order
        chunk.state = _BINNED
        bins.insert(place, (size, chunk.order, chunk))

    def _from_bins(self, size: int) -> Chunk | None:
        bins = self._bins
        place = bisect_left(bins, (size,))
        if place == len(bins):
            return None
        found = bins[place][0]
        if found >= _SMALL_BYTES and place + 1 < len(bins) and bins[place + 1][0] == found:
            own = _bin_of(found) == _bin_of(size)
            place = bisect_left(bins, (found + 1,)) - 1 if own else place + 1
        chunk = bins.pop(place)[2]
        chunk.state = _USED
        return chunk

    def _from_top(self, size: int, mmap_threshold_bytes: int) -> Chunk | None:
        left = self.end - self.top
        if left < size + MIN_CHUNK_BYTES:
            if size >= mmap_threshold_bytes:
                return None
            self.end += up(size + TOP_PAD_BYTES + MIN_CHUNK_BYTES - left, PAGE_BYTES)
        chunk = Chunk(self.top, size, self._last, None)
        if self._last is not None:
            self._last.after = chunk
        self._last = chunk
        self.top += size
        self.touched = max(self.touched, self.top + 16)
        return chunk

    def _hand_back(self, chunk: Chunk) -> None:
        chunk.state = _UNSORTED
        self._unsorted.append(chunk)

    def _withdraw(self, chunk: Chunk) -> None:
        if chunk.state == _UNSORTED:
            self._unsorted.remove(chunk)
            return
        bins, size = self._bins, chunk.size
        place = bisect_left(bins, (size, chunk.order))
        del bins[place]
        if chunk.order == 0 and place < len(bins) and bins[place][0] == size:  # the newest becomes the first
            newest = bins.pop(bisect_left(bins, (size + 1,)) - 1)[2]
            newest.order = 0
            bins.insert(place, (size, 0, newest))

    def _merge(self, chunk: Chunk) -> int:
        """Unite a chunk in use with its free neighbours and hand it back; the bytes of the union."""
        before, after = chunk.before, chunk.after
        if before is not None and before.state:
            self._withdraw(before)
            chunk.address, chunk.size = before.address, before.size + chunk.size
            chunk.before = before = before.before
            if before is not None:
                before.after = chunk
        if after is None:
            self.top, self._last = chunk.address, before
            if before is not None:
                before.after = None
            return self.end - self.top
        if after.state:
            self._withdraw(after)
            chunk.size += after.size
            chunk.after = after.after
            if chunk.after is not None:
                chunk.after.before = chunk
        self._hand_back(chunk)
        return chunk.size

    def _consolidate(self) -> None:
        fast, self._fast = self._fast, {}
        for chunks in fast.values():
            for chunk in chunks:
                self._merge(chunk)

    def _trim(self) -> None:
        spare = self.end - self.top - MIN_CHUNK_BYTES - 1 - TOP_PAD_BYTES
        if spare > 0:
            self.end -= spare // PAGE_BYTES * PAGE_BYTES
            self.touched = min(self.touched, self.end)


def up(value: int, multiple: int) -> int:
    """``value`` rounded up to a multiple of ``multiple``, a power of two."""
    return (value + multiple - 1) & -multiple


def _bin_of(size: int) -> int:
    """Number of the large bin: widths 64, 512, 4096, 32768, 262144 bytes, then one for all that is larger."""
    for shift, most, first in ((6, 48, 48), (9, 20, 91), (12, 10, 110), (15, 4, 119), (18, 2, 124)):
        if size >> shift <= most:
            return first + (size >> shift)
    return 126
