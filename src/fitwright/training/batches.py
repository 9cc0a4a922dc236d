"""Encoded rows and the batches made of them.

Legend of shape suffixes: B rows of a batch, T padded tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fitwright.data.batching import (
    length_grouped,
    length_sorted,
    pad,
    padding_share,
    shuffled,
    shuffled_tokens,
)

if TYPE_CHECKING:
    import torch

PAD_MULTIPLE = 8
"""Widths are rounded up to this, so that kernels see few distinct shapes."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What some rows hold.

    Attributes:
        rows: of them.
        tokens: real ones, padding not counted.
        targets: what the loss is the mean over: rows, or labelled tokens.
    """

    rows: int
    tokens: int
    targets: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows that are computed together.

    Attributes:
        inputs: what the model is called with, by name; for text ``input_ids`` and ``attention_mask``, int64
            (B, T).
        labels: of the task's own shape and type.
        counts: of these rows.
        step: of the optimiser step that the batch is all or a part of.
        weights: of each row in the loss, float32 (B,); ``None`` where all weigh 1.
        line_rows: to which row each line of the inputs belongs, int64, where a row takes several lines (the
            windows of a long text); ``None`` where each row is one line.
    """

    inputs: Mapping[str, torch.Tensor]
    labels: torch.Tensor
    counts: Counts
    step: Counts
    weights: torch.Tensor | None = None
    line_rows: torch.Tensor | None = None

    @property
    def places(self) -> int:
        """Tokens and padding of the batch; its real tokens where it has no mask."""
        mask = self.inputs.get("attention_mask")
        return self.counts.tokens if mask is None else mask.numel()


class Rows(Protocol):
    """Encoded rows of any kind; :class:`EncodedRows` is that of text."""

    @property
    def lengths(self) -> Sequence[int]:
        """What each row costs: tokens, or patches of an image."""

    def __len__(self) -> int: ...

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold."""

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """Put those rows together. ``step``: these rows alone unless given.

        Whatever is drawn at random, such as masked tokens, follows from row and epoch alone.
        """


Collate = Callable[[Sequence[Any], int], "torch.Tensor"]
"""Labels of B rows, and the batch's width T → one tensor."""


def padded(
    token_ids: Sequence[Sequence[int]], pad_id: int, limit: int | None, device: torch.device
) -> dict[str, torch.Tensor]:
    """Rows of token ids as a model takes them: ``input_ids`` and ``attention_mask``, int64 (B, T)."""
    import torch

    ids, mask = pad(token_ids, pad_id, multiple=PAD_MULTIPLE, limit=limit)
    return {
        "input_ids": torch.from_numpy(ids).to(device), "attention_mask": torch.from_numpy(mask).to(device)
    }  # fmt: skip


def class_labels(labels: Sequence[Any], width: int) -> torch.Tensor:  # noqa: ARG001
    """A class a row: int64 (B)."""
    import torch

    return torch.tensor(list(labels), dtype=torch.long)


@dataclass(frozen=True, kw_only=True)
class EncodedRows:
    """Texts as token ids, with their labels.

    Attributes:
        token_ids: of each row.
        labels: of each row, in whatever form ``collate`` takes.
        pad_id: fills rows up.
        limit: most tokens that a padded row may have.
        collate: makes one tensor of a batch's labels.
        more: further inputs with a number for each token, such as ``token_type_ids``; padded with 0.
        targets: what each row adds to the loss's denominator; 1 where not given.
        weights: of each row in the loss; 1 where not given.
        notes: what to tell before training, such as rows that were cut.
    """

    token_ids: Sequence[Sequence[int]]
    labels: Sequence[Any]
    pad_id: int
    limit: int | None = None
    collate: Collate = class_labels
    more: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)
    targets: Sequence[int] | None = None
    weights: Sequence[float] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row) for row in self.token_ids]

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold."""
        targets = self.targets
        return Counts(
            rows=len(rows), tokens=sum(len(self.token_ids[row]) for row in rows),
            targets=len(rows) if targets is None else sum(targets[row] for row in rows),
        )  # fmt: skip

    def batch(
        self,
        rows: Sequence[int],
        device: torch.device,
        *,
        step: Counts | None = None,
        epoch: int = 0,  # noqa: ARG002
    ) -> Batch:
        """Pad those rows to a common width. The step is these rows alone unless its counts are given."""
        import torch

        inputs = padded([self.token_ids[row] for row in rows], self.pad_id, self.limit, device)
        for name, values in self.more.items():
            filled, _ = pad([values[row] for row in rows], 0, multiple=PAD_MULTIPLE, limit=self.limit)
            inputs[name] = torch.from_numpy(filled).to(device)
        labels = self.collate([self.labels[row] for row in rows], inputs["input_ids"].shape[1])
        counts, weights = self.counts(rows), None
        if self.weights is not None:
            weights = torch.tensor([self.weights[row] for row in rows], dtype=torch.float32, device=device)
        return Batch(
            inputs=inputs, labels=labels.to(device), counts=counts, step=step or counts, weights=weights
        )


def steps_of_epoch(
    lengths: Sequence[int],
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    packed: bool = False,
    batch_tokens: int | None = None,
) -> list[list[int]]:
    """Row indices of every step of one epoch: each row once, in an order that seed and epoch determine.

    Rows that will be padded are grouped by length; packed ones are mixed freely.
    """
    if batch_tokens is not None:
        return shuffled_tokens(lengths, batch_tokens, seed=seed, epoch=epoch, padded=not packed)
    if packed:
        return shuffled(len(lengths), batch_size, seed=seed, epoch=epoch)
    return length_grouped(lengths, batch_size, seed=seed, epoch=epoch)


def padding_of_epoch(
    lengths: Sequence[int], batch_size: int, *, seed: int, batch_tokens: int | None = None
) -> float:
    """Share of the places of a padded first epoch that would be padding."""
    steps = steps_of_epoch(lengths, batch_size, seed=seed, epoch=0, batch_tokens=batch_tokens)
    return padding_share(lengths, steps, PAD_MULTIPLE)


def sorted_batches(rows: Rows, batch_size: int, device: torch.device) -> Iterator[tuple[list[int], Batch]]:
    """Every row once, by length, with which rows they are: for evaluation."""
    for chosen in length_sorted(rows.lengths, batch_size):
        yield chosen, rows.batch(chosen, device)
