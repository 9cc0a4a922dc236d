"""Batches made by a thread while the model computes: for rows that are read from files, such as images.

What a batch holds follows from its rows and epoch alone, so that it is the same whoever makes it and when. A
run's position counts the batches that were computed, so that what was made ahead is never part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from fitwright.training.batches import Batch, Counts, Rows

if TYPE_CHECKING:
    import torch

Wanted = tuple[tuple[int, ...], Counts, int]
"""A batch: its rows, its step's counts, the epoch."""


def is_slow(rows: Rows) -> bool:
    """Whether making a batch of those rows, or of new or old ones among them, reads files."""
    parts = (rows, getattr(rows, "new", None), getattr(rows, "old", None))
    return any(getattr(part, "reads_files", False) for part in parts)


class Ahead:
    """Rows that make the batches they are told of before they are asked for. A context; it ends the thread.

    Batches that are no longer expected are dropped, so that those of one call of :meth:`expect` are held at
    most. What goes wrong in the thread is raised where the batch is asked for.
    """

    def __init__(self, rows: Rows, device: torch.device) -> None:
        self.rows, self.device = rows, device
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fitwright-ahead")
        self._batches: dict[Wanted, Future[Batch]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._batches.clear()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> Sequence[int]:
        """What each row costs."""
        return self.rows.lengths

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold."""
        return self.rows.counts(rows)

    def expect(self, wanted: Iterable[Wanted]) -> None:
        """Make these next, in this order; drop all others."""
        wanted = list(wanted)
        for left in self._batches.keys() - set(wanted):
            self._batches.pop(left).cancel()
        for each in wanted:
            if each not in self._batches:
                self._batches[each] = self._thread.submit(self._make, *each)

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """The batch, made already, or now where nobody expected it."""
        found = None
        if step is not None and device == self.device:
            found = self._batches.get((tuple(rows), step, epoch))
        return self.rows.batch(rows, device, step=step, epoch=epoch) if found is None else found.result()

    def _make(self, rows: tuple[int, ...], step: Counts, epoch: int) -> Batch:
        return self.rows.batch(rows, self.device, step=step, epoch=epoch)
