"""What the tasks on texts share: the tokenizer, rows of texts or pairs, the loss over rows, answers.

Legend of shape suffixes: B rows of a batch, L lines of its inputs (see ``training.windows``), C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.classifier import tokenizer_folder
from fitwright.training.batches import Batch, Collate, EncodedRows, Rows, class_labels, sorted_batches
from fitwright.training.windows import WindowedRows, row_means, windows_of

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64
Losses = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Logits and labels of some rows → a loss for each."""


def fast_tokenizer(source: Path, work: Path, max_length: int) -> TextTokenizer:
    """The tokenizer beside a model; an old one is converted into ``work`` first."""
    return TextTokenizer.load(tokenizer_folder(source, work), max_length)


def reads_types(source: Path) -> bool:
    """Whether the model tells the texts of a pair apart by ``token_type_ids``."""
    config = read_json(source / "config.json", what="config.json")
    return int(config.get("type_vocab_size") or 0) > 1


def encode_texts(
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    labels: Sequence[Any],
    *,
    pairs: Sequence[str] | None = None,
    types: bool = False,
    collate: Collate = class_labels,
    weights: Sequence[float] | None = None,
    stride: int = 0,
) -> Rows:
    """Texts, or pairs of texts, as rows.

    Args:
        tokenizer, texts, labels, pairs, collate, weights: as they are.
        types: give the model ``token_type_ids`` where rows are pairs.
        stride: above 0, a longer text is not cut but read in windows that share that many tokens.
    """
    if stride > 0:
        if pairs is not None:
            raise UsageError("windows are for single texts, not for pairs", got=f"stride={stride}")
        return _windowed(tokenizer, texts, labels, collate, weights, stride)
    given: dict[str, Any] = {
        "labels": labels, "pad_id": tokenizer.pad_id, "limit": tokenizer.max_length, "collate": collate,
        "weights": weights,
    }  # fmt: skip
    if pairs is None:
        return EncodedRows(token_ids=tokenizer.encode(list(texts)), **given)
    found = tokenizer.encodings(list(zip(texts, pairs, strict=True)))
    more: Mapping[str, Any] = {"token_type_ids": [row.type_ids for row in found]} if types else {}
    return EncodedRows(token_ids=[row.ids for row in found], more=more, **given)


def _windowed(
    tokenizer: TextTokenizer, texts: Sequence[str], labels: Sequence[Any], collate: Collate,
    weights: Sequence[float] | None, stride: int,
) -> WindowedRows:  # fmt: skip
    ids: list[list[int]] = []
    owners: list[int] = []
    starts = [0]
    for row, encoding in enumerate(tokenizer.encodings(texts, cut=False)):
        for places in windows_of(encoding, tokenizer.max_length, stride):
            ids.append([encoding.ids[place] for place in places])
            owners.append(row)
        starts.append(len(ids))
    lines = EncodedRows(
        token_ids=ids, labels=[labels[row] for row in owners], pad_id=tokenizer.pad_id,
        limit=tokenizer.max_length, collate=collate,
        weights=None if weights is None else [weights[row] for row in owners],
    )  # fmt: skip
    return WindowedRows(lines=lines, starts=starts)


def line_logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    """What the model says of each line, fp32 (L, C)."""
    logits_LC: torch.Tensor = model(**batch.inputs).logits.float()
    return logits_LC


def mean_loss(logits_LC: torch.Tensor, batch: Batch, losses: Losses) -> torch.Tensor:
    """The batch's share of its step's mean over rows: a row weighs the same in however many windows."""
    labels_L = batch.labels if batch.line_rows is None else batch.labels[batch.line_rows]
    losses_B = row_means(losses(logits_LC, labels_L), batch)
    if batch.weights is not None:
        losses_B = losses_B * batch.weights
    return losses_B.sum() / batch.step.rows


def answers(
    model: nn.Module, rows: Rows, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Logits (B, C), the mean of a row's windows, and labels; each row once. Leaves the model in ``eval``."""
    import torch

    model.eval()
    with torch.inference_mode():
        for _, batch in sorted_batches(rows, EVALUATION_BATCH, device):
            yield row_means(line_logits(model, batch), batch), batch.labels
