"""Memory that the kernel maps anew in a step, from its tensors."""

from __future__ import annotations

from fitwright.sizing.pricing.page_faults import faulted_bytes
from fitwright.sizing.trace.polynomial import Polynomial
from fitwright.sizing.trace.program import Slot, Trace

MIB = 2**20


def chain(size_bytes: int, layers: int) -> Trace:
    """Each tensor lives until the next is there: its size grows with the batch."""
    slots = tuple(Slot(Polynomial.monomial(size_bytes, 1, 0), "activations", "mm") for _ in range(layers))
    events = [0]
    for made in range(1, layers):
        events += [0, made]
    return Trace(
        slots=slots, events=(*events, layers), forward_end=2 * layers, stacks=(), ops=(), modules=0,
        parameters=(), buffer_bytes=0,
    )  # fmt: skip


def test_small_tensors_are_never_mapped_anew() -> None:
    assert faulted_bytes(chain(1000, 20), 1, 8) == 0


def test_blocks_above_the_highest_threshold_are_mapped_each_time() -> None:
    found = faulted_bytes(chain(40 * MIB, 10), 1, 8)
    assert 400 * MIB <= found < 401 * MIB


def test_mapped_memory_grows_with_the_batch() -> None:
    assert faulted_bytes(chain(10 * MIB, 10), 8, 8) > 4 * faulted_bytes(chain(10 * MIB, 10), 1, 8)
