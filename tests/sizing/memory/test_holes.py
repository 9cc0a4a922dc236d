"""What the heap keeps of a forward pass: small blocks at their most, and what a later peak finds kept."""

from __future__ import annotations

from fitwright.sizing.memory.holes import HeapUse, heap_use, holes_bytes
from fitwright.sizing.trace.polynomial import Polynomial
from fitwright.sizing.trace.program import Slot, Trace

MIB = 2**20


def step(sizes_mib: list[int], events: list[int]) -> Trace:
    """Slots of those sizes for each row; events as of :class:`Trace`."""
    slots = tuple(Slot(Polynomial.monomial(size * MIB, 1, 0), "activations", "mm") for size in sizes_mib)
    return Trace(
        slots=slots, events=tuple(events), forward_end=len(events), stacks=(), ops=(), modules=0,
        parameters=(), buffer_bytes=0,
    )  # fmt: skip


def test_what_was_freed_before_a_large_block_is_retained_under_it() -> None:
    """Two of 10 MiB come and one goes, then 40 MiB are mapped: live 50, held 60."""
    assert heap_use(step([10, 10, 40], [0, 0, 1, 0]), 1, 8) == HeapUse(small=20 * MIB, retained=10 * MIB)


def test_nothing_is_retained_where_the_small_blocks_are_the_peak() -> None:
    assert heap_use(step([40, 20, 20], [0, 1, 0, 0]), 1, 8) == HeapUse(small=40 * MIB, retained=0)


def test_blocks_that_grow_beyond_the_threshold_leave_the_heap() -> None:
    trace = step([10, 10], [0, 0])
    assert heap_use(trace, 1, 8).small == 20 * MIB
    assert heap_use(trace, 4, 8) == HeapUse(small=0, retained=0)


def test_more_of_either_means_more_holes() -> None:
    few, most = holes_bytes(HeapUse(small=0, retained=0))
    assert 0 < few < most
    assert holes_bytes(HeapUse(small=10 * MIB, retained=0))[0] > few
    assert holes_bytes(HeapUse(small=0, retained=10 * MIB))[0] > few + 10 * MIB
