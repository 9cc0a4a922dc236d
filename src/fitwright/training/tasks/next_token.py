"""The loss of models that write: cross-entropy over target tokens.

Legend of shape suffixes: B rows, T tokens, P places that have a label, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fitwright.modeling.chosen_scores import chosen_scores
from fitwright.training.batches import Batch, Rows, sorted_batches

if TYPE_CHECKING:
    import torch
    from torch import nn

IGNORED = -100
"""The label of a place that is not learnt."""


def token_loss(logits_BTV: torch.Tensor, labels_BT: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies, in nats, of all places that have a label."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits_BTV.float().flatten(0, -2), labels_BT.flatten(), reduction="sum", ignore_index=IGNORED
    )


def target_scores(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores (P, V) of the places that have a label, computed there alone, and their labels (P)."""
    chosen_BT = batch.labels != IGNORED
    return chosen_scores(model, batch.inputs, chosen_BT), batch.labels[chosen_BT]


def target_loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Sum of the cross-entropies of a batch's targets, in nats."""
    from fitwright.modeling.token_loss import summed_cross_entropy

    return summed_cross_entropy(*target_scores(model, batch))


def perplexity(loss: float) -> float:
    """The exponential of a loss in nats a token; a finite number, e⁷⁰⁰ at most, for JSON knows no other."""
    return math.exp(min(loss, 700.0))


def mean_token_loss(model: nn.Module, rows: Rows, device: torch.device, batch_size: int) -> float:
    """Nats a target over those rows, in fp32; leaves the model in ``eval``."""
    import torch

    model.eval()
    loss_sum, targets = 0.0, 0
    with torch.inference_mode():
        for _, batch in sorted_batches(rows, batch_size, device):
            loss_sum += float(target_loss(model, batch))
            targets += batch.counts.targets
    return loss_sum / targets


def token_labels(labels: Sequence[Sequence[int]], width: int) -> torch.Tensor:
    """Labels a token, filled with :data:`IGNORED`: int64 (B, ``width``)."""
    import torch

    labels_BT = torch.full((len(labels), width), IGNORED, dtype=torch.long)
    for place, row in enumerate(labels):
        labels_BT[place, : len(row)] = torch.tensor(row, dtype=torch.long)
    return labels_BT
