"""What glibc's heap holds besides live tensors at the peak of a forward pass."""

from __future__ import annotations

from typing import NamedTuple

from fitwright.sizing.trace.expand import expand
from fitwright.sizing.trace.program import Trace

MAPPED_BYTES = 32 * 2**20
"""Larger blocks get pages of their own, which go back at once (malloc.c: DEFAULT_MMAP_THRESHOLD_MAX)."""
RETAINED_SHARE, SMALL_SHARE, BASE_BYTES = 1.43, 0.73, 8.7e6
"""Fitted on the inference points of ``benchmarks/sizing/memory.py``."""
_SPREAD = 2.0


class HeapUse(NamedTuple):
    """Bytes of a step's blocks that lie in the heap.

    Attributes:
        small: of the blocks below 32 MiB, the most that are live at once.
        retained: how much higher the peak of (the most so far of the small blocks + the large ones that are
            live) lies than the peak of what is live: the heap keeps what it once had.
    """

    small: int
    retained: int


def heap_use(trace: Trace, batch: int, seq: int) -> HeapUse:
    """The course of the step's small and large blocks; weights, which stay, are left out."""
    sizes = trace.sizes_at(batch, seq)
    small = large = most_small = most_live = most_held = 0
    for event in expand(trace):
        size = sizes[event.slot] if event.comes else -sizes[event.slot]
        if abs(size) < MAPPED_BYTES:
            small += size
        else:
            large += size
        most_small = max(most_small, small)
        most_live = max(most_live, small + large)
        most_held = max(most_held, most_small + large)
    return HeapUse(most_small, most_held - most_live)


def holes_bytes(use: HeapUse) -> tuple[int, int]:
    """Freed memory that stays resident, and what of libraries is touched on the way: (expected, most) bytes.

    1.43 · retained + 0.73 · small + 8.7 MB: what the heap once had stays, and small blocks lie apart by most
    of their size. Known error, one model left out, relative to what a model adds to its process: median 2 %,
    nine in ten within 7 %, worst 35 % (EfficientNet, whose convolutions need scratch that no tensor shows);
    a process differs from itself by up to 18 %. A replay of the heap's addresses did worse here, but not for
    training (docs/decisions/0005).
    """
    holes = RETAINED_SHARE * use.retained + SMALL_SHARE * use.small + BASE_BYTES
    return round(holes), round(_SPREAD * holes)
