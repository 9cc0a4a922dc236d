"""The course of live tensors over a step, without an allocator: quick, for trying many batches."""

from __future__ import annotations

from fitwright.sizing.trace.expand import expand
from fitwright.sizing.trace.program import Trace


class Course:
    """The events of a trace, expanded once."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._events = [(event.comes, event.slot) for event in expand(trace)]

    def peak_bytes(self, batch: int, seq: int) -> int:
        """The most bytes that are live at once, without what is kept between steps."""
        sizes = self._trace.sizes_at(batch, seq)
        live = most = 0
        for comes, slot in self._events:
            live += sizes[slot] if comes else -sizes[slot]
            if live > most:
                most = live
        return most
