"""Rows of several texts each: an anchor, what belongs to it, what does not.

Legend of shape suffixes: B rows, K texts of a row, T padded tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fitwright.training.batches import Batch, Counts, padded

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TextGroups:
    """Encoded rows of K texts.

    Attributes:
        groups: K lists of token ids a row.
        labels: a row's score, or K numbers that tell which texts are the same.
        pad_id: fills texts up.
        limit: most tokens that a padded text may have.
    """

    groups: Sequence[Sequence[Sequence[int]]]
    labels: Sequence[float] | Sequence[Sequence[int]]
    pad_id: int
    limit: int | None = None

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each row's texts together."""
        return [sum(map(len, group)) for group in self.groups]

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold; the loss is the mean over rows."""
        return Counts(rows=len(rows), tokens=sum(self.lengths[row] for row in rows), targets=len(rows))

    def batch(
        self,
        rows: Sequence[int],
        device: torch.device,
        *,
        step: Counts | None = None,
        epoch: int = 0,  # noqa: ARG002
    ) -> Batch:
        """All texts of those rows, row after row, padded to a common width: int64 (B · K, T)."""
        import torch

        texts = [text for row in rows for text in self.groups[row]]
        labels = torch.tensor([self.labels[row] for row in rows])
        counts = self.counts(rows)
        inputs = padded(texts, self.pad_id, self.limit, device)
        return Batch(inputs=inputs, labels=labels.to(device), counts=counts, step=step or counts)
