"""How far cells are that somebody else trains: told there as shares of a cell, summed here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from fitwright.core.progress import Silent, Task
from fitwright.scaling.design.plan import PlannedCell

Told = tuple[float, str]
"""The share of a cell's steps that are done, and what to show beside it."""


class Teller(Silent):
    """Progress of one cell, that goes to whoever waits for it."""

    def __init__(self, tell: Callable[[Told], object]) -> None:
        self.tell, self.done, self.total = tell, 0.0, 1.0

    @contextlib.contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:  # noqa: ARG002
        self.done, self.total = 0.0, total or 1.0
        yield self

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self.done += amount
        self.tell((self.done / self.total, note))


class Listener:
    """Adds up what cells tell, in seconds of the plan; a cell that is begun again is not counted twice."""

    def __init__(self, cells: Sequence[PlannedCell], task: Task) -> None:
        self.task = task
        self.seconds = {cell.name: cell.seconds for cell in cells}
        self.done = dict.fromkeys(self.seconds, 0.0)

    def hear(self, name: str, told: Told) -> None:
        """Of the cell of that name."""
        share, note = told
        more = max(0.0, share - self.done[name])
        self.done[name] += more
        self.task.advance(more * self.seconds[name], note=f"{name}: {note}")
