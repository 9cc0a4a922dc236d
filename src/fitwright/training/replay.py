"""Old rows among the new ones, so that what was learnt is not lost (Robins 1995, rehearsal).

An epoch is one pass over the new rows; every step also holds old rows, as many as their share asks for. They
are drawn without repetition until all were seen, in an order that seed and epoch determine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fitwright.training.batches import Batch, Counts, Rows, steps_of_epoch

if TYPE_CHECKING:
    import torch

_NO_TARGET = -100
"""What torch's losses leave out."""


class ReplayRows:
    """New rows, and behind them old ones; indices from ``len(new)`` on are old.

    ``len`` is the rows of an epoch: all new ones and the share of old ones.

    Attributes:
        share: of each step, in [0, 1), that is old: of its rows, or of its tokens under a token budget.
    """

    def __init__(self, new: Rows, old: Rows, share: float) -> None:
        self.new, self.old, self.share = new, old, share
        self.lengths = [*new.lengths, *old.lengths]

    def __len__(self) -> int:
        return len(self.new) + round(len(self.new) * self.share / (1 - self.share))

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold."""
        return _sum(*(source.counts(own) for source, own in self._parts(rows)))

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """Put those rows together, the new ones first."""
        step = step or self.counts(rows)
        found = [source.batch(own, device, step=step, epoch=epoch) for source, own in self._parts(rows)]
        return found[0] if len(found) == 1 else _joined(*found)

    def steps(
        self, batch_size: int, *, seed: int, epoch: int, packed: bool, batch_tokens: int | None
    ) -> list[list[int]]:
        """Rows of every step of an epoch: each new row once, and old ones.

        Shares are met over the steps so far; a step is off by one row at most.
        """
        kept = 1 - self.share
        plan = steps_of_epoch(
            self.new.lengths, max(1, round(batch_size * kept)), seed=seed, epoch=epoch, packed=packed,
            batch_tokens=None if batch_tokens is None else max(1, round(batch_tokens * kept)),
        )  # fmt: skip
        weigh = batch_tokens is not None
        sizes = [sum(self.new.lengths[row] for row in rows) if weigh else len(rows) for rows in plan]
        old = self._drawn(sum(sizes) * self.share / kept, weigh=weigh, seed=seed, epoch=epoch)
        if not packed:  # short with short, so that little is padded
            old.sort(key=lambda row: self.lengths[row])
            order = sorted(range(len(plan)), key=lambda place: max(self.new.lengths[r] for r in plan[place]))
        else:
            order = list(range(len(plan)))
        done, place, owed = 0.0, 0, 0.0
        for step in order:
            owed += sizes[step] * self.share / kept
            while place < len(old) and done + self._weight(old[place], weigh) / 2 <= owed:
                plan[step].append(old[place])
                done, place = done + self._weight(old[place], weigh), place + 1
        return plan

    def _weight(self, row: int, weigh: bool) -> int:
        return self.lengths[row] if weigh else 1

    def _drawn(self, amount: float, *, weigh: bool, seed: int, epoch: int) -> list[int]:
        """Old rows of about that many rows or tokens, going on where the epoch before it stopped."""
        if not len(self.old) or amount <= 0:
            return []
        total = sum(self.old.lengths) if weigh else len(self.old)
        start = epoch * amount / total  # passes over the old rows that earlier epochs took
        drawn: list[int] = []
        cycle, place = int(start), int(start % 1 * len(self.old))
        left = amount
        while left > 0:
            order = np.random.default_rng((seed, 1, cycle)).permutation(len(self.old)).tolist()
            for row in order[place:]:
                if left <= 0:
                    break
                drawn.append(len(self.new) + row)
                left -= self._weight(drawn[-1], weigh)
            cycle, place = cycle + 1, 0
        return drawn

    def _parts(self, rows: Sequence[int]) -> list[tuple[Rows, list[int]]]:
        first = len(self.new)
        parts = [
            (self.new, [row for row in rows if row < first]),
            (self.old, [row - first for row in rows if row >= first]),
        ]
        return [(source, own) for source, own in parts if own]


def plan_epoch(
    rows: Rows, batch_size: int, *, seed: int, epoch: int, packed: bool, batch_tokens: int | None
) -> list[list[int]]:
    """Row indices of every step of one epoch, old rows among them where there are any."""
    given = {"seed": seed, "epoch": epoch, "packed": packed, "batch_tokens": batch_tokens}
    if isinstance(rows, ReplayRows):
        return rows.steps(batch_size, **given)  # type: ignore[arg-type]
    return steps_of_epoch(rows.lengths, batch_size, **given)  # type: ignore[arg-type]


def _sum(*counts: Counts) -> Counts:
    return Counts(
        rows=sum(c.rows for c in counts), tokens=sum(c.tokens for c in counts),
        targets=sum(c.targets for c in counts),
    )  # fmt: skip


def _joined(first: Batch, second: Batch) -> Batch:
    """One batch of two of the same kind: the shorter's rows are filled up, masked and without targets."""
    inputs: Mapping[str, torch.Tensor] = {
        name: _stacked(value, second.inputs[name], 0) for name, value in first.inputs.items()
    }
    labels = _stacked(first.labels, second.labels, _NO_TARGET)
    return replace(
        first, inputs=inputs, labels=labels, counts=_sum(first.counts, second.counts),
        weights=_joined_weights(first, second), line_rows=_joined_lines(first, second),
    )  # fmt: skip


def _joined_weights(first: Batch, second: Batch) -> torch.Tensor | None:
    import torch

    if first.weights is None and second.weights is None:
        return None
    return torch.cat([
        torch.ones(len(batch.labels), device=batch.labels.device) if batch.weights is None else batch.weights
        for batch in (first, second)
    ])  # fmt: skip


def _joined_lines(first: Batch, second: Batch) -> torch.Tensor | None:
    """The rows of the second batch stand behind those of the first."""
    import torch

    if first.line_rows is None and second.line_rows is None:
        return None
    own, other = (
        torch.arange(len(batch.labels), device=batch.labels.device)
        if batch.line_rows is None else batch.line_rows
        for batch in (first, second)
    )  # fmt: skip
    return torch.cat([own, other + len(first.labels)])


def _stacked(first: torch.Tensor, second: torch.Tensor, fill: int) -> torch.Tensor:
    """The rows of both; the shorter in a dimension is filled up at its end."""
    import torch

    sizes = [max(pair) for pair in zip(first.shape[1:], second.shape[1:], strict=True)]

    def grown(value: torch.Tensor) -> torch.Tensor:
        missing = [size - n for n, size in zip(value.shape[1:], sizes, strict=True)]
        room = [side for more in reversed(missing) for side in (0, more)]
        return torch.nn.functional.pad(value, room, value=fill) if any(room) else value

    return torch.cat([grown(first), grown(second)])
