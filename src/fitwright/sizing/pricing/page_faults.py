"""Memory that a step makes the kernel map anew, from a replay of its tensors through a model of malloc."""

from __future__ import annotations

from fitwright.sizing.allocators.glibc import MMAP_THRESHOLD_AFTER_IMPORT_BYTES, GlibcHeap
from fitwright.sizing.memory.optimisers import OptimiserMemory
from fitwright.sizing.memory.replay import Kept, replay
from fitwright.sizing.trace.program import Trace

_HIGHEST_THRESHOLD_BYTES = 32 * 2**20 - 4096
_NEVER_TRIMMED_BYTES = 2 * 2**20
_STEPS = 3
_STAYS_BYTES = 64 * 2**20
"""A step whose tensors come to less than this keeps its memory between steps."""


class FaultCounter:
    """A :class:`GlibcHeap` that counts the bytes that become resident, step by step."""

    def __init__(self, heap: GlibcHeap) -> None:
        self._heap = heap
        self.steps: list[int] = [0]

    @property
    def allocated_bytes(self) -> int:
        return self._heap.allocated_bytes

    def allocate(self, slot: int, size_bytes: int) -> None:
        before = self._heap.resident_bytes
        self._heap.allocate(slot, size_bytes)
        self.steps[-1] += max(0, self._heap.resident_bytes - before)

    def free(self, slot: int) -> None:
        self._heap.free(slot)

    def begin_forward(self) -> None:
        self.steps.append(0)
        self._heap.begin_forward()

    def end_forward(self) -> None:
        self._heap.end_forward()

    def end_step(self) -> None:
        self._heap.end_step()


def step_faulted_bytes(trace: Trace, batch: int, seq: int) -> int:
    """:func:`faulted_bytes`, and 0 at once where the step is small enough to stay."""
    return faulted_bytes(trace, batch, seq) if sum(trace.sizes_at(batch, seq)) >= _STAYS_BYTES else 0


def faulted_bytes(trace: Trace, batch: int, seq: int) -> int:
    """Bytes that the kernel maps anew in a step of a process that has run some before; Linux with glibc.

    Blocks above malloc's threshold (32 MiB at most) are mapped at each allocation, and the top of the heap is
    given back whenever more than the trim threshold is free there. Where the thresholds stand depends on what
    the process has freed before: the mean of the lowest and the highest is taken.

    Known error: of BERT and GPT-2 models at 8 to 32 rows, counted faults were 0.4 to 2 times this; they are
    worth a few per cent of a step.

    Args:
        trace: of the step; one that trains is run with gradients that go after each step.
        batch, seq: of the step.
    """
    sizes = [slot.size_bytes(batch, seq) for slot in trace.slots]
    if max(sizes, default=0) * len(sizes) < _NEVER_TRIMMED_BYTES:
        return 0
    training = trace.forward_end < len(trace.events)
    optimiser = OptimiserMemory(states=(), temporary_bytes=0) if training else None
    found = []
    for threshold in (MMAP_THRESHOLD_AFTER_IMPORT_BYTES["transformers"], _HIGHEST_THRESHOLD_BYTES):
        counter = FaultCounter(GlibcHeap(mmap_threshold_bytes=threshold))
        replay(trace, batch, seq, Kept(weights=(), optimiser=optimiser), counter, steps=_STEPS)
        found.append(counter.steps[-1])
    return sum(found) // len(found)
