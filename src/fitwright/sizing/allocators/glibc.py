"""The resident memory of a CPU process whose tensors come from glibc's malloc, as torch's do."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from fitwright.core.errors import UsageError
from fitwright.sizing.allocators.arena import MIN_CHUNK_BYTES, PAGE_BYTES, Arena, Chunk, up

MMAP_THRESHOLD_BYTES: Final = 128 * 1024
"""In a new process: the size from which malloc maps pages, and how much may lie free at the top."""
MMAP_THRESHOLD_AFTER_IMPORT_BYTES: Final[Mapping[str, int]] = {"torch": 962_692, "transformers": 1_926_304}
"""The same once torch 2.13, or a model class of transformers 5.18, is imported (measured on Python 3.11)."""
_LARGEST_THRESHOLD_BYTES = 32 * 1024 * 1024
_ALIGNMENT_BYTES, _HEADER_BYTES = 64, 16
_SLACK_BYTES = _ALIGNMENT_BYTES + MIN_CHUNK_BYTES + 16
_STORAGE_CHUNK_BYTES, _NODE_CHUNK_BYTES = 112, 32
_OFFSETS = (0, 16, 32, 48)
_PASSING_CHUNK_BYTES, _PASSING_COUNT = (32, 112), 16


class GlibcHeap:
    """Replays tensors through glibc's malloc, each as ``posix_memalign(64, size)`` and written in full.

    A request at least as large as the mmap threshold gets pages of its own, which go back when it is freed;
    the threshold then rises to that size, to 32 MiB at most, and the trim threshold to twice that. All else
    lives in the heap: best fit, neighbours united, the top given back only when more than the trim threshold
    is free there. Free space inside the heap stays resident.

    What keeps freed neighbours apart are the small objects between them, so those are replayed too: the
    storage object of each tensor; from :meth:`begin_forward` to :meth:`end_forward`, one graph node per
    tensor that lives until :meth:`end_step`, as autograd's do while the loss is held; elsewhere, a few that
    live for some events. Sizes and lives were read in a log of every malloc of a training step; how many pass
    at a time (16) is fitted.

    Source: malloc/malloc.c of glibc 2.36; ``c10/core/impl/alloc_cpu.cpp`` of PyTorch. Known error: a bare
    sequence is followed address by address, its peak within 0.2 %. Of real BERT and GPT-2 models (torch 2.13,
    one thread, three steps), 6 training peaks of 1.2–2.4 GB: median 1.3 %, worst 2.3 % (without the small
    objects 6–17 % too low); 8 inference peaks of 0.15–0.8 GB: median 3 %, worst 16 %, where the same process
    run again differs from itself by up to 18 %.

    Args:
        mmap_threshold_bytes: where the threshold stands at the first event; see
            :data:`MMAP_THRESHOLD_AFTER_IMPORT_BYTES`.
        fixed_threshold: the threshold never moves, as with ``MALLOC_MMAP_THRESHOLD_`` set, which keeps what
            is resident near what is alive: at 1 MiB the training peak of a 6-layer BERT fell from 1.14 to
            0.89 GB, its inference peak from 0.26 to 0.19 GB, for about a fifth more time (measured).
        small_objects: replay the small objects of torch; off for a bare sequence of ``posix_memalign``.
        offset_bytes: where the heap's first chunk lies, 0, 16, 32 or 48. Nobody knows it of a process to
            come, and the peak hangs on it by some per cent: replays at all four show how much.
    """

    def __init__(
        self,
        *,
        mmap_threshold_bytes: int = MMAP_THRESHOLD_BYTES,
        fixed_threshold: bool = False,
        small_objects: bool = True,
        offset_bytes: int = 0,
    ) -> None:
        if offset_bytes not in _OFFSETS:
            raise UsageError("not a place for a chunk", got=offset_bytes, allowed="0, 16, 32, 48")
        self.allocated_bytes = self.peak_allocated_bytes = 0
        self.peak_reserved_bytes = self.peak_resident_bytes = 0
        self.mmap_threshold_bytes = mmap_threshold_bytes
        moved = mmap_threshold_bytes > MMAP_THRESHOLD_BYTES and not fixed_threshold
        self._trim_threshold_bytes = 2 * mmap_threshold_bytes if moved else MMAP_THRESHOLD_BYTES
        self._fixed, self._small_objects = fixed_threshold, small_objects
        self._arena = Arena(offset_bytes)
        self._live: dict[int, tuple[int, Chunk | None, Chunk | None]] = {}
        self._nodes: list[Chunk] = []
        self._passing: deque[Chunk] = deque()
        self._recording = False
        self._mapped_bytes = self._mapped_resident_bytes = 0

    @property
    def reserved_bytes(self) -> int:
        """Address space held: the heap up to the program break, and every mapping."""
        return self._arena.end + self._mapped_bytes

    @property
    def resident_bytes(self) -> int:
        """Pages in memory now."""
        return up(self._arena.touched, PAGE_BYTES) + self._mapped_resident_bytes

    def allocate(self, slot: int, size_bytes: int) -> None:
        """A tensor of ``size_bytes`` comes to life and is written; ``slot`` names it until it is freed."""
        if slot in self._live:
            raise UsageError("this slot is in use", got=slot)
        if size_bytes < 0:
            raise UsageError("a tensor cannot have a negative size", got=size_bytes)
        chunk = storage = None
        if size_bytes > 0:
            need = max(MIN_CHUNK_BYTES, up(size_bytes + 8, 16))
            chunk = self._arena.take(need + _SLACK_BYTES, self.mmap_threshold_bytes)
            if chunk is None:
                self._mapped_bytes += _mapping_bytes(size_bytes)
                self._mapped_resident_bytes += up(size_bytes + _ALIGNMENT_BYTES, PAGE_BYTES)
            else:
                chunk = self._align(chunk, need)
        if self._small_objects:
            storage = self._arena.take_small(_STORAGE_CHUNK_BYTES)
            self._make_small_objects()
        self._live[slot] = (size_bytes, chunk, storage)
        self.allocated_bytes += size_bytes
        self._note_peaks()

    def free(self, slot: int) -> None:
        """The tensor of ``slot`` dies."""
        try:
            size_bytes, chunk, storage = self._live.pop(slot)
        except KeyError:
            raise UsageError("this slot is not in use", got=slot) from None
        self.allocated_bytes -= size_bytes
        if chunk is not None:
            self._arena.give(chunk, self._trim_threshold_bytes)
        elif size_bytes > 0:
            self._unmap(size_bytes)
        if storage is not None:
            self._arena.give(storage, self._trim_threshold_bytes)

    def begin_forward(self) -> None:
        """From here on each tensor leaves a graph node behind: the forward pass of training."""
        self._recording = self._small_objects

    def end_forward(self) -> None:
        """The backward pass makes no nodes."""
        self._recording = False

    def end_step(self) -> None:
        """The loss is let go, and with it the graph."""
        self._recording = False
        nodes, self._nodes = self._nodes, []
        for node in nodes:
            self._arena.give(node, self._trim_threshold_bytes)

    def _align(self, chunk: Chunk, need: int) -> Chunk:
        """Cut the aligned chunk out of the one found; what is left before and behind it is freed."""
        arena, trim = self._arena, self._trim_threshold_bytes
        lead = -(chunk.address + _HEADER_BYTES) % _ALIGNMENT_BYTES
        if lead:
            rest = arena.split(chunk, lead if lead >= MIN_CHUNK_BYTES else lead + _ALIGNMENT_BYTES)
            arena.give(chunk, trim)
            chunk = rest
        if chunk.size > need + MIN_CHUNK_BYTES:
            arena.give(arena.split(chunk, need), trim)
        return chunk

    def _make_small_objects(self) -> None:
        arena = self._arena
        if self._recording:
            self._nodes.append(arena.take_small(_NODE_CHUNK_BYTES))
            return
        passing = self._passing
        for size in _PASSING_CHUNK_BYTES:
            passing.append(arena.take_small(size))
        while len(passing) > _PASSING_COUNT:
            arena.give(passing.popleft(), self._trim_threshold_bytes)

    def _unmap(self, size_bytes: int) -> None:
        mapping_bytes = _mapping_bytes(size_bytes)
        self._mapped_bytes -= mapping_bytes
        self._mapped_resident_bytes -= up(size_bytes + _ALIGNMENT_BYTES, PAGE_BYTES)
        chunk_bytes = mapping_bytes - (_ALIGNMENT_BYTES - _HEADER_BYTES)
        if not self._fixed and self.mmap_threshold_bytes < chunk_bytes <= _LARGEST_THRESHOLD_BYTES:
            self.mmap_threshold_bytes = chunk_bytes
            self._trim_threshold_bytes = 2 * chunk_bytes

    def _note_peaks(self) -> None:
        arena = self._arena
        resident_bytes = up(arena.touched, PAGE_BYTES) + self._mapped_resident_bytes
        if resident_bytes > self.peak_resident_bytes:
            self.peak_resident_bytes = resident_bytes
        if self.allocated_bytes > self.peak_allocated_bytes:
            self.peak_allocated_bytes = self.allocated_bytes
        reserved_bytes = arena.end + self._mapped_bytes
        if reserved_bytes > self.peak_reserved_bytes:
            self.peak_reserved_bytes = reserved_bytes


def _mapping_bytes(size_bytes: int) -> int:
    need = max(MIN_CHUNK_BYTES, up(size_bytes + 8, 16))
    return up(need + _SLACK_BYTES + 8, PAGE_BYTES)
