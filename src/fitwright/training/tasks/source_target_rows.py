"""Rows of a source and a target, both as token ids.

Legend of shape suffixes: B rows, S padded source tokens, T padded target tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fitwright.data.tokens import TextTokenizer
from fitwright.training.batches import Batch, Counts, padded
from fitwright.training.tasks.next_token import token_labels

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class SourceTargetRows:
    """Encoded rows.

    Attributes:
        sources, targets: token ids of each row; a target ends with what ends a text.
        texts: the targets as text, to hold what is written against.
        writer: reads target tokens.
        pad_id: fills sources up.
        start_id: what the decoder begins with.
        limit: most tokens that a padded source, or target, may have.
    """

    sources: Sequence[Sequence[int]]
    targets: Sequence[Sequence[int]]
    texts: Sequence[str]
    writer: TextTokenizer
    pad_id: int
    start_id: int
    limit: int | None = None

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of source and target together."""
        return [len(source) + len(target) for source, target in zip(self.sources, self.targets, strict=True)]

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold; the loss is the mean over target tokens."""
        targets = sum(len(self.targets[row]) for row in rows)
        return Counts(rows=len(rows), tokens=sum(self.lengths[row] for row in rows), targets=targets)

    def batch(
        self,
        rows: Sequence[int],
        device: torch.device,
        *,
        step: Counts | None = None,
        epoch: int = 0,  # noqa: ARG002
    ) -> Batch:
        """Pad sources and targets each to a common width, and give the decoder the targets one place later.

        Inputs: int64 (B, S) twice, then (B, T) twice. Labels: int64 (B, T).
        """
        shifted = [[self.start_id, *self.targets[row][:-1]] for row in rows]
        given = padded([self.sources[row] for row in rows], self.pad_id, self.limit, device)
        written = padded(shifted, self.pad_id, self.limit, device)
        inputs = given | {f"decoder_{name}": tensor for name, tensor in written.items()}
        labels = token_labels([self.targets[row] for row in rows], written["input_ids"].shape[1])
        counts = self.counts(rows)
        return Batch(inputs=inputs, labels=labels.to(device), counts=counts, step=step or counts)
