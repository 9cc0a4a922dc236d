"""Traces of one model as compact JSON: sizes and names stand once in tables that its traces share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from fitwright.sizing.trace.polynomial import Polynomial
from fitwright.sizing.trace.program import Slot, Stack, SymbolicOp, Trace

FORMAT = 1

T = TypeVar("T")


class _Table(dict[T, int]):
    """Value → its place, in order of first use."""

    def place(self, value: T) -> int:
        return self.setdefault(value, len(self))


def encode(traces: Mapping[str, Trace]) -> dict[str, Any]:
    """Plain JSON of one model's traces by the key of their conditions."""
    sizes: _Table[Polynomial] = _Table()
    names: _Table[str] = _Table()
    parameters: _Table[Any] = _Table()
    found = {key: _encode(trace, sizes, names, parameters) for key, trace in traces.items()}
    return {
        "format": FORMAT,
        "sizes": [size.plain() for size in sizes],
        "names": list(names),
        "parameters": [[[list(shape), count] for shape, count in table] for table in parameters],
        "traces": found,
    }


def _encode(
    trace: Trace, sizes: _Table[Polynomial], names: _Table[str], parameters: _Table[Any]
) -> dict[str, Any]:
    def place(polynomials: Iterable[Polynomial]) -> list[int]:
        return [sizes.place(p) for p in polynomials]

    return {
        "slots": [
            value
            for slot in trace.slots
            for value in (sizes.place(slot.size_bytes), names.place(slot.tag), names.place(slot.made_by))
        ],
        "events": _relative(trace.events),
        "forward_end": trace.forward_end,
        "stacks": [
            [*s.forward, *s.before, *(s.backward or (-1, -1)), *(s.after or (-1, -1)), s.extra]
            for s in trace.stacks
        ],
        "ops": [
            [
                names.place(o.family), names.place(o.name), names.place(o.dtype), o.count,
                *place((o.read_bytes, o.written_bytes, *o.dims)),
            ]
            for o in trace.ops
        ],
        "modules": trace.modules,
        "parameters": parameters.place(trace.parameters),
        "buffer_bytes": trace.buffer_bytes,
        "trained": None if trace.trained is None else parameters.place(trace.trained),
        "point": trace.point,
        "conditions": dict(trace.conditions),
    }  # fmt: skip


def decode(data: Mapping[str, Any], key: str) -> Trace:
    """The trace that ``key`` names; ``KeyError`` where there is none."""
    found = data["traces"][key]
    sizes = [Polynomial.from_plain(plain) for plain in data["sizes"]]
    names = data["names"]
    flat = found["slots"]
    return Trace(
        slots=tuple(
            Slot(sizes[size], names[tag], names[made_by])
            for size, tag, made_by in zip(flat[0::3], flat[1::3], flat[2::3], strict=True)
        ),
        events=_absolute(found["events"]),
        forward_end=found["forward_end"],
        stacks=tuple(_stack(values) for values in found["stacks"]),
        ops=tuple(
            SymbolicOp(
                names[family], names[name], tuple(sizes[d] for d in dims), names[dtype],
                sizes[read], sizes[written], count,
            )
            for family, name, dtype, count, read, written, *dims in found["ops"]
        ),
        modules=found["modules"],
        parameters=_shapes(data, found["parameters"]),
        buffer_bytes=found["buffer_bytes"],
        trained=None if found.get("trained") is None else _shapes(data, found["trained"]),
        point=None if found["point"] is None else tuple(found["point"]),
        conditions=found["conditions"],
    )  # fmt: skip


def _shapes(data: Mapping[str, Any], place: int) -> tuple[tuple[tuple[int, ...], int], ...]:
    return tuple((tuple(shape), count) for shape, count in data["parameters"][place])


def _stack(values: list[int]) -> Stack:
    forward, before, backward, after = ((values[i], values[i + 1]) for i in (0, 2, 4, 6))
    return Stack(
        forward=forward, before=before, backward=None if backward[0] < 0 else backward,
        after=None if after[0] < 0 else after, extra=values[8],
    )  # fmt: skip


def _relative(events: Iterable[int]) -> list[int]:
    """A tensor that goes by how many came since: short-lived ones get small numbers that compress well."""
    came, found = 0, []
    for event in events:
        found.append(0 if event == 0 else came - event + 1)
        came += event == 0
    return found


def _absolute(events: Iterable[int]) -> tuple[int, ...]:
    came, found = 0, []
    for event in events:
        found.append(0 if event == 0 else came - event + 1)
        came += event == 0
    return tuple(found)
