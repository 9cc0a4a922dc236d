"""Two recordings of the same step at two points become one trace with sizes as polynomials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fitwright.sizing.trace.polynomial import NotAPolynomial, Point, Polynomial, form_of
from fitwright.sizing.trace.program import Slot, Stack, SymbolicOp, Trace
from fitwright.sizing.tracing.recorder import RawOp, RawSlot, Recording, Shape

Points = tuple[Point, Point]


class Forms:
    """Polynomials of dimensions seen at two points; each pair is worked out once."""

    def __init__(self, points: Points) -> None:
        self._dimension = cache(lambda values: form_of(values, points))
        self._products: dict[tuple[Shape, Shape, int], Polynomial] = {}

    def dimension(self, first: int, second: int) -> Polynomial:
        found: Polynomial = self._dimension((first, second))
        return found

    def product(self, first: Shape, second: Shape, factor: int = 1) -> Polynomial:
        """The product of the dimensions times ``factor``."""
        key = (first, second, factor)
        if key not in self._products:
            total = Polynomial.constant(factor)
            for one, other in zip(first, second, strict=True):
                total = total * self.dimension(one, other)
            self._products[key] = total
        return self._products[key]


def join(
    first: Recording, second: Recording, points: Points, *, extra: Sequence[int], parts: Mapping[str, Any]
) -> Trace:
    """The trace of both.

    Args:
        first, second: of the same model at ``points``.
        extra: layers left out of each stack.
        parts: the remaining fields of :class:`Trace` (parameters, buffer_bytes, conditions).

    Raises:
        NotAPolynomial: the step does not do the same at both points, or a size has an unknown form.
    """
    if first.events != second.events or len(first.ops) != len(second.ops):
        raise NotAPolynomial("the step takes another course at the second point")
    forms = Forms(points)
    slots = tuple(_slot(a, b, forms) for a, b in zip(first.slots, second.slots, strict=True))
    stacks, times, modules = _stacks(first, extra)
    counted: Counter[SymbolicOp] = Counter()
    for index, (a, b) in enumerate(zip(first.ops, second.ops, strict=True)):
        counted[_op(a, b, forms)] += times(index)
    ops = tuple(
        SymbolicOp(o.family, o.name, o.dims, o.dtype, o.read_bytes, o.written_bytes, n)
        for o, n in counted.items()
    )
    return Trace(
        slots=slots, events=tuple(first.events), forward_end=first.forward_end, stacks=stacks, ops=ops,
        modules=modules, **parts,
    )  # fmt: skip


def at_one_point(only: Recording, point: Point, *, extra: Sequence[int], parts: Mapping[str, Any]) -> Trace:
    """The trace of a step whose sizes are no polynomials: it holds for ``point`` alone."""
    return join(only, only, (point, point), extra=extra, parts={**parts, "point": point})


def _slot(first: RawSlot, second: RawSlot, forms: Forms) -> Slot:
    if first.shape is not None and second.shape is not None:
        size = forms.product(first.shape, second.shape, first.item_bytes)
    else:
        size = forms.dimension(first.size_bytes, second.size_bytes)
    return Slot(size, first.tag, first.made_by)


def _op(first: RawOp, second: RawOp, forms: Forms) -> SymbolicOp:
    if first.name != second.name:
        raise NotAPolynomial(f"{first.name} at one point, {second.name} at the other")
    return SymbolicOp(
        first.family, first.name,
        tuple(forms.dimension(a, b) for a, b in zip(first.dims, second.dims, strict=True)), first.dtype,
        _bytes(first.read, second.read, forms), _bytes(first.written, second.written, forms), 0,
    )  # fmt: skip


def _bytes(first: Any, second: Any, forms: Forms) -> Polynomial:
    total = Polynomial.constant(0)
    for (shape, item_bytes), (other, _) in zip(first, second, strict=True):
        total = total + forms.product(shape, other, item_bytes)
    return total


def _stacks(recording: Recording, extra: Sequence[int]) -> tuple[tuple[Stack, ...], Any, int]:
    """The repeated stacks; how often the operator at an index runs; module calls of the whole model."""
    marks = recording.marks
    found: list[Stack] = []
    repeated: list[tuple[int, int, int]] = []
    modules = recording.modules
    for number, more in enumerate(extra):
        if not more:
            continue
        places = [marks.get(("forward", number, layer)) for layer in (1, 2, 3)]
        if None in places:
            raise NotAPolynomial("a layer was not called")
        before, this, after = (place or (0, 0) for place in places)
        backward, later = _backward(recording, number)
        found.append(
            Stack(
                forward=(this[0], after[0]), before=(before[0], this[0]), backward=backward and backward[0],
                after=later and later[0], extra=more,
            )
        )  # fmt: skip
        repeated.append((this[1], after[1], more))
        calls = recording.module_marks
        modules += more * (calls["forward", number, 3] - calls["forward", number, 2])
        if backward is not None:
            repeated.append((*backward[1], more))
            modules += more * (calls["backward", number, 1] - calls["backward", number, 2])

    def times(index: int) -> int:
        return 1 + sum(more for start, end, more in repeated if start <= index < end)

    return tuple(found), times, modules


def _backward(recording: Recording, stack: int) -> tuple[Any, Any]:
    """((events), (operators)) of the backward pass of the repeated layer and of the layer after it."""
    places = [recording.marks.get(("backward", stack, layer)) for layer in (3, 2, 1)]
    if None in places:
        if recording.forward_end != len(recording.events):
            raise NotAPolynomial("a layer's gradient was not seen")
        return None, None
    later, this, earlier = (place or (0, 0) for place in places)
    return (
        ((this[0], earlier[0]), (this[1], earlier[1])),
        ((later[0], this[0]), (later[1], this[1])),
    )
