"""Tokenised rows and the batches made of them.

Legend of shape suffixes: B rows of a batch, T padded tokens, C classes, W width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitwright.data.batching import length_grouped, length_sorted, pad
from fitwright.data.dataset import LabelledText
from fitwright.data.tokens import TextTokenizer

if TYPE_CHECKING:
    import torch

PAD_MULTIPLE = 8
"""Widths are rounded up to this, so that kernels see few distinct shapes."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's rows: ``ids_BT`` and ``mask_BT`` int64, ``labels_B`` int64, ``tokens`` real ones."""

    ids_BT: torch.Tensor
    mask_BT: torch.Tensor
    labels_B: torch.Tensor
    tokens: int


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

    def epoch(self, batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
        """Row indices of every step of one epoch: shuffled, length-grouped, each row once."""
        lengths = [len(row) for row in self.token_ids]
        return length_grouped(lengths, batch_size, seed=seed, epoch=epoch)

    def sorted_batches(self, batch_size: int, device: torch.device) -> Iterator[Batch]:
        """Every row once, by length: for evaluation."""
        for rows in length_sorted([len(row) for row in self.token_ids], batch_size):
            yield self.batch(rows, device)

    def batch(self, rows: list[int], device: torch.device) -> Batch:
        """Pad those rows to a common width."""
        import torch

        ids, mask = pad(
            [self.token_ids[i] for i in rows], self.pad_id, multiple=PAD_MULTIPLE, limit=self.limit
        )
        labels_B = torch.tensor([self.labels[i] for i in rows], dtype=torch.long)
        return Batch(
            ids_BT=torch.from_numpy(ids).to(device), mask_BT=torch.from_numpy(mask).to(device),
            labels_B=labels_B.to(device), tokens=sum(len(self.token_ids[i]) for i in rows),
        )  # fmt: skip
