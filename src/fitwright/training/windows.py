"""Long rows in overlapping windows of what the model can read at once.

Legend of shape suffixes: L lines of a batch's inputs (all windows of its rows), B rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fitwright.core.errors import UsageError
from fitwright.training.batches import Batch, Counts, EncodedRows

if TYPE_CHECKING:
    import torch

Origin = TypeVar("Origin")
LEAST_ROOM = 8
"""Tokens of a text that a window must have room for beside what stands in every window."""


def spans(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Windows over ``length`` tokens: start and end of each, the last one shorter.

    Args:
        length: of the text; 0 gives one empty window.
        room: tokens of a window, above ``stride``.
        stride: tokens that a window shares with the one before it.
    """
    if stride >= room:
        raise UsageError(
            "windows overlap by more than they hold", got=f"a stride of {stride} tokens",
            allowed=f"up to {room - 1} here", mend="Lower --option stride, or raise --max-length.",
        )  # fmt: skip
    found = [(0, min(length, room))]
    while found[-1][1] < length:
        start = found[-1][1] - stride
        found.append((start, min(length, start + room)))
    return found


def windows_of(encoding: Any, max_length: int, stride: int, text: int = 0) -> list[list[int]]:
    """The windows of an uncut encoding: for each the places of its tokens.

    What is not of the sliding text (special tokens, the other text of a pair) stands in every window; another
    text that leaves no room is cut.

    Args:
        encoding: of the tokenizer, not cut.
        max_length: tokens of a window.
        stride: tokens of the sliding text that neighbours share.
        text: which text slides: 0, or 1 for the second of a pair.
    """
    sequences: list[int | None] = encoding.sequence_ids
    sliding = [place for place, sequence in enumerate(sequences) if sequence == text]
    if not sliding:
        return [list(range(min(len(sequences), max_length)))]
    before, after = list(range(sliding[0])), list(range(sliding[-1] + 1, len(sequences)))
    excess = len(before) + len(after) + LEAST_ROOM + stride - max_length
    if excess > 0:  # cut the end of the other text, not the special tokens around it
        others = [place for place in before if sequences[place] is not None]
        dropped = set(others[-excess:]) if len(others) > excess else set(others)
        before = [place for place in before if place not in dropped]
    room = max_length - len(before) - len(after)
    return [[*before, *sliding[start:end], *after] for start, end in spans(len(sliding), room, stride)]


@dataclass(frozen=True, kw_only=True)
class WindowedRows:
    """Rows of one or several lines each; a row weighs the same however many it takes.

    Attributes:
        lines: all windows of all rows, in order; the labels are those of their rows.
        starts: where each row's lines begin, and behind the last one the number of lines.
    """

    lines: EncodedRows
    starts: Sequence[int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row, those of all its windows."""
        return [self.counts([row]).tokens for row in range(len(self))]

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold; each counts once."""
        return replace(self.lines.counts(self._lines_of(rows)), rows=len(rows), targets=len(rows))

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """All lines of those rows; labels and weights are those of the rows."""
        import torch

        lines = self.lines.batch(self._lines_of(rows), device, epoch=epoch)
        owner_L = [place for place, row in enumerate(rows) for _ in self._lines_of([row])]
        first_B = torch.tensor([owner_L.index(place) for place in range(len(rows))], device=device)
        counts = self.counts(rows)
        return Batch(
            inputs=lines.inputs, labels=lines.labels[first_B], counts=counts, step=step or counts,
            weights=None if lines.weights is None else lines.weights[first_B],
            line_rows=torch.tensor(owner_L, device=device),
        )  # fmt: skip

    def _lines_of(self, rows: Sequence[int]) -> list[int]:
        return [line for row in rows for line in range(self.starts[row], self.starts[row + 1])]


def row_means(values: torch.Tensor, batch: Batch) -> torch.Tensor:
    """(L, ...) → (B, ...): the mean over the lines of each row."""
    if batch.line_rows is None:
        return values
    rows = len(batch.labels)
    sums = values.new_zeros(rows, *values.shape[1:]).index_add(0, batch.line_rows, values)
    lines_B = batch.line_rows.bincount(minlength=rows).to(values.dtype)
    return sums / lines_B.view(-1, *[1] * (values.ndim - 1))


@dataclass(frozen=True, kw_only=True)
class RowsOf(Generic[Origin]):
    """Windows that are rows of their own, with what they were cut from."""

    lines: EncodedRows
    origin: Origin

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        return self.lines.lengths

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those windows hold."""
        return self.lines.counts(rows)

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """Put those windows together."""
        return self.lines.batch(rows, device, step=step, epoch=epoch)
