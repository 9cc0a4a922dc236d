"""Tokenised rows and the batches made of them.

Legend of shape suffixes: B rows of a batch, T padded tokens, C classes, W width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitwright.data.batching import (
    length_grouped,
    length_sorted,
    pad,
    padding_share,
    shuffled,
    shuffled_tokens,
)
from fitwright.data.dataset import LabelledText
from fitwright.data.tokens import TextTokenizer

if TYPE_CHECKING:
    import torch

PAD_MULTIPLE = 8
"""Widths are rounded up to this, so that kernels see few distinct shapes."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows that are computed together: ``ids_BT`` and ``mask_BT`` int64, ``labels_B`` int64.

    Attributes:
        tokens: real ones, padding not counted.
        step_rows, step_tokens: of the optimiser step that the batch is all or a part of.
    """

    ids_BT: torch.Tensor
    mask_BT: torch.Tensor
    labels_B: torch.Tensor
    tokens: int
    step_rows: int
    step_tokens: int


@dataclass(frozen=True, kw_only=True)
class EncodedRows:
    """Rows as token ids, with their labels."""

    token_ids: list[list[int]]
    labels: tuple[int, ...]
    pad_id: int
    limit: int | None = None
    """Most tokens a padded row may have."""

    @classmethod
    def encode(cls, data: LabelledText, tokenizer: TextTokenizer) -> EncodedRows:
        """Tokenise every row once."""
        return cls(
            token_ids=tokenizer.encode(list(data.texts)), labels=data.labels, pad_id=tokenizer.pad_id,
            limit=tokenizer.max_length,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row) for row in self.token_ids]

    def epoch(
        self, batch_size: int, *, seed: int, epoch: int, packed: bool = False, batch_tokens: int | None = None
    ) -> list[list[int]]:
        """Row indices of every step of one epoch: each row once, in an order that seed and epoch determine.

        Rows that will be padded are grouped by length; packed ones are mixed freely.
        """
        if batch_tokens is not None:
            return shuffled_tokens(self.lengths, batch_tokens, seed=seed, epoch=epoch, padded=not packed)
        if packed:
            return shuffled(len(self), batch_size, seed=seed, epoch=epoch)
        return length_grouped(self.lengths, batch_size, seed=seed, epoch=epoch)

    def padding(self, batch_size: int, *, seed: int, batch_tokens: int | None = None) -> float:
        """Share of the places of a padded first epoch that would be padding."""
        batches = self.epoch(batch_size, seed=seed, epoch=0, batch_tokens=batch_tokens)
        return padding_share(self.lengths, batches, PAD_MULTIPLE)

    def sorted_batches(self, batch_size: int, device: torch.device) -> Iterator[Batch]:
        """Every row once, by length: for evaluation."""
        for rows in length_sorted(self.lengths, batch_size):
            yield self.batch(rows, device)

    def batch(
        self,
        rows: list[int],
        device: torch.device,
        *,
        step_rows: int | None = None,
        step_tokens: int | None = None,
    ) -> Batch:
        """Pad those rows to a common width. The step is these rows alone unless its totals are given."""
        import torch

        tokens = sum(len(self.token_ids[i]) for i in rows)

        ids, mask = pad(
            [self.token_ids[i] for i in rows], self.pad_id, multiple=PAD_MULTIPLE, limit=self.limit
        )
        labels_B = torch.tensor([self.labels[i] for i in rows], dtype=torch.long)
        return Batch(
            ids_BT=torch.from_numpy(ids).to(device), mask_BT=torch.from_numpy(mask).to(device),
            labels_B=labels_B.to(device), tokens=tokens, step_rows=step_rows or len(rows),
            step_tokens=step_tokens or tokens,
        )  # fmt: skip
