"""The whole model's tensors in order of time, from a trace that holds one of each run of equal layers.

Of a stack, the layers first, second, T, fourth and last are traced; T stands for itself and for ``extra``
copies. The whole model runs …, second, T, copy 1, …, copy E, fourth, … forward and the reverse backward. What
one layer makes and its neighbour lets go is matched by its place: the n-th tensor of the second layer plays
the part that the n-th of T plays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fitwright.sizing.trace.polynomial import NotAPolynomial
from fitwright.sizing.trace.program import Stack, Trace

Range = tuple[int, int]


class Event(NamedTuple):
    """A tensor comes or goes. ``slot``: the traced tensor; ``copy``: which copy of it, 0 for itself.

    ``index``: place of the traced event.
    """

    comes: bool
    slot: int
    copy: int
    index: int  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class _Repeated:
    """A repeated layer.

    ``forward``, ``backward``: its own tensors made in either pass. ``of_before``: tensors of the layer
    before → its own in the same place; ``of_after``: backward tensors of the layer after → its own.
    ``deferred``: own tensors that no neighbour lets go: what ends them ends every copy's (autocast's
    weights).
    """

    stack: Stack
    forward: frozenset[int]
    backward: frozenset[int]
    of_before: dict[int, int]
    of_after: dict[int, int]
    deferred: frozenset[int]

    def inside(self, slot: int, copy: int) -> tuple[int, int]:
        """The tensor that copy ``copy`` of the layer means where T means ``slot``."""
        if slot in self.forward or slot in self.backward:
            return slot, copy
        if copy > 0 and slot in self.of_before:
            return self.of_before[slot], copy - 1
        if copy < self.stack.extra and slot in self.of_after:
            return self.of_after[slot], copy + 1
        return slot, 0

    def outside(self, slot: int, index: int) -> Sequence[int]:
        """Which copies' tensors go where another part of the model lets ``slot`` of T go.

        The last copy's where the following layers do up to T's backward pass, else T's own.
        """
        if slot in self.deferred:
            return range(self.stack.extra + 1)
        before_backward = self.stack.backward is None or index < self.stack.backward[0]
        return (self.stack.extra,) if slot in self.forward and before_backward else (0,)


def expand(trace: Trace) -> Iterator[Event]:
    """Events of the whole model in order."""
    made = _made(trace.events)
    gone = {event - 1: index for index, event in enumerate(trace.events) if event}
    repeated = [_repeated(made, gone, stack) for stack in trace.stacks]
    forward_ends = {r.stack.forward[1]: r for r in repeated}
    backward_starts = {r.stack.backward[0]: r for r in repeated if r.stack.backward}
    for index, event in enumerate(trace.events):
        if index in forward_ends:
            found = forward_ends[index]
            for copy in range(1, found.stack.extra + 1):
                yield from _copied(trace.events, found.stack.forward, found, copy, made)
        if index in backward_starts:
            found = backward_starts[index]
            for copy in range(found.stack.extra, 0, -1):
                yield from _copied(trace.events, found.stack.backward or (0, 0), found, copy, made)
        yield from _traced(event, index, made, repeated)
    if len(trace.events) in forward_ends:
        found = forward_ends[len(trace.events)]
        for copy in range(1, found.stack.extra + 1):
            yield from _copied(trace.events, found.stack.forward, found, copy, made)


def check(trace: Trace) -> None:
    """Raise :class:`NotAPolynomial` where copying a layer does not give a possible course of events.

    Every tensor that goes must be there, and every copy of one that goes must go too.
    """
    live: set[tuple[int, int]] = set()
    for event in expand(trace):
        key = (event.slot, event.copy)
        if event.comes == (key in live):
            raise NotAPolynomial(f"tensor {key} comes twice or goes without being there")
        (live.add if event.comes else live.remove)(key)
    gone = {event - 1 for event in trace.events if event}
    if any(slot in gone for slot, _ in live):
        raise NotAPolynomial("a copied tensor never goes though the traced one does")


def _traced(event: int, index: int, made: dict[int, int], repeated: Sequence[_Repeated]) -> Iterator[Event]:
    if event == 0:
        yield Event(True, made[index], 0, index)
        return
    slot, copies = event - 1, (0,)  # type: tuple[int, Sequence[int]]
    for found in repeated:
        if _within(index, found.stack.forward) or _within(index, found.stack.backward):
            slot, copy = found.inside(slot, 0)
            copies = (copy,)
            break
        if slot in found.forward or slot in found.backward:
            copies = found.outside(slot, index)
            break
    for copy in copies:
        yield Event(False, slot, copy, index)


def _copied(
    events: Sequence[int], block: Range, found: _Repeated, copy: int, made: dict[int, int]
) -> Iterator[Event]:
    for index in range(*block):
        event = events[index]
        if event == 0:
            yield Event(True, made[index], copy, index)
        else:
            yield Event(False, *found.inside(event - 1, copy), index)


def _within(index: int, block: Range | None) -> bool:
    return block is not None and block[0] <= index < block[1]


def _made(events: Sequence[int]) -> dict[int, int]:
    """Place of an allocation → its slot."""
    places = (index for index, event in enumerate(events) if event == 0)
    return {index: slot for slot, index in enumerate(places)}


def _slots(made: dict[int, int], block: Range | None) -> list[int]:
    return [] if block is None else [made[index] for index in range(*block) if index in made]


def _repeated(made: dict[int, int], gone: dict[int, int], stack: Stack) -> _Repeated:
    forward, backward = _slots(made, stack.forward), _slots(made, stack.backward)
    of_before = dict(zip(_slots(made, stack.before), forward, strict=False))
    of_after = dict(zip(_slots(made, stack.after), backward, strict=False))

    def kept(slot: int) -> bool:
        index = gone.get(slot, -1)
        return not (_within(index, stack.forward) or _within(index, stack.backward))

    handed = {own for other, own in (*of_before.items(), *of_after.items()) if not kept(other)}
    deferred = {slot for slot in (*forward, *backward) if slot in gone and kept(slot) and slot not in handed}
    return _Repeated(stack, frozenset(forward), frozenset(backward), of_before, of_after, frozenset(deferred))
