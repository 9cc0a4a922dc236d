"""A trace replayed through a model of the allocator: the worst moment, and what lies there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from fitwright.sizing.memory.optimisers import OptimiserMemory
from fitwright.sizing.trace.expand import expand
from fitwright.sizing.trace.program import Trace

TRAINING_STEPS = 3
"""From the second step on a training process repeats itself: states are there, and the heap has its holes."""


class Allocator(Protocol):
    """What a replay needs of :mod:`fitwright.sizing.allocators`."""

    def allocate(self, slot: int, size_bytes: int) -> None: ...

    def free(self, slot: int) -> None: ...


class Unmanaged:
    """No allocator: tensors need what they hold."""

    def allocate(self, slot: int, size_bytes: int) -> None:
        """Nothing to do."""

    def free(self, slot: int) -> None:
        """Nothing to do."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is there before the step and stays.

    Attributes:
        weights: bytes of each weight and buffer.
        trained: bytes of each weight's gradient that one step makes.
        optimiser: ``None`` for inference.
        accumulation: backward passes before the optimiser's step.
    """

    weights: Sequence[int]
    optimiser: OptimiserMemory | None = None
    accumulation: int = 1


@dataclass(kw_only=True)
class Peak:
    """The worst moment.

    ``parts``: bytes by what they are for; ``phase``: forward, backward or optimiser step;
    ``made_by``: the operator that asked for the last tensor."""

    allocated_bytes: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    phase: str = ""
    made_by: str = ""


class _Replay:
    """Allocates by name, and remembers the worst moment."""

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator
        self._numbers = count()
        self._size: dict[int, tuple[int, str]] = {}
        self._parts: dict[str, int] = {}
        self._bytes = 0
        self.peak = Peak()

    def comes(self, size_bytes: int, part: str, phase: str, made_by: str) -> int:
        number = next(self._numbers)
        self._allocator.allocate(number, size_bytes)
        self._size[number] = size_bytes, part
        self._parts[part] = self._parts.get(part, 0) + size_bytes
        self._bytes += size_bytes
        if self._bytes > self.peak.allocated_bytes:
            self.peak = Peak(
                allocated_bytes=self._bytes, parts=dict(self._parts), phase=phase, made_by=made_by
            )
        return number

    def goes(self, number: int) -> None:
        size_bytes, part = self._size.pop(number)
        self._allocator.free(number)
        self._parts[part] -= size_bytes
        self._bytes -= size_bytes


def replay(
    trace: Trace, batch: int, seq: int, kept: Kept, allocator: Allocator, *, steps: int | None = None
) -> Peak:
    """Run ``trace`` a few times as a program would, after what is ``kept`` was allocated.

    Args:
        batch, seq: of one pass; with accumulation, of a micro-batch.
        allocator: a fresh one; its own peaks are read afterwards.
        steps: how often; enough for the peak unless given.

    Returns:
        The moment with the most allocated bytes, in any of the steps.
    """
    run = _Replay(allocator)
    for size in kept.weights:
        run.comes(size, "weights", "loading", "")
    if steps is None:
        steps = TRAINING_STEPS if kept.optimiser is not None else 1
    sizes = trace.sizes_at(batch, seq)
    states: list[int] = []
    for _ in range(steps):
        gradients: list[int] = []
        for micro in range(kept.accumulation if kept.optimiser is not None else 1):
            _begin(allocator)
            gradients += _pass(run, trace, sizes, accumulating=micro > 0)
            _end(allocator)
            if micro > 1:
                break  # the third micro-batch finds what the second found
        if kept.optimiser is not None:
            _update(run, kept.optimiser, states)
        for number in gradients:
            run.goes(number)
    return run.peak


def _pass(run: _Replay, trace: Trace, sizes: Sequence[int], *, accumulating: bool) -> list[int]:
    """One forward (and backward) pass; the gradients it leaves. ``accumulating``: added to earlier ones."""
    live: dict[tuple[int, int], int] = {}
    late: list[int] = []
    phase = "forward pass"
    for event in expand(trace):
        if event.index == trace.forward_end and phase == "forward pass":
            phase = "backward pass"
            end_forward = getattr(run._allocator, "end_forward", None)
            if end_forward is not None:
                end_forward()
        key = (event.slot, event.copy)
        if event.comes:
            slot = trace.slots[event.slot]
            live[key] = run.comes(sizes[event.slot], slot.tag, phase, slot.made_by)
            if accumulating and slot.tag == "gradients":
                late.append(live.pop(key))
                while len(late) > 1:
                    run.goes(late.pop(0))
        elif key in live:
            run.goes(live.pop(key))
    gradients = [number for key, number in live.items() if trace.slots[key[0]].tag == "gradients"]
    left = [number for key, number in live.items() if trace.slots[key[0]].tag != "gradients"]
    for number in (*left, *late):
        run.goes(number)
    return gradients


def _update(run: _Replay, optimiser: OptimiserMemory, states: list[int]) -> None:
    if not states:
        states += [run.comes(size, "optimiser", "optimiser step", "") for size in optimiser.states]
    if optimiser.temporary_bytes:
        run.goes(run.comes(optimiser.temporary_bytes, "optimiser", "optimiser step", ""))


def _begin(allocator: Allocator) -> None:
    begin = getattr(allocator, "begin_forward", None)
    if begin is not None:
        begin()


def _end(allocator: Allocator) -> None:
    end = getattr(allocator, "end_step", None)
    if end is not None:
        end()
