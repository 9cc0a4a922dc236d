"""The loss of models that write: cross-entropy over target tokens.

Legend of shape suffixes: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""The label of a place that is not learnt."""


def token_loss(logits_BTV: torch.Tensor, labels_BT: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies, in nats, of all places that have a label."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits_BTV.float().flatten(0, 1), labels_BT.flatten(), reduction="sum", ignore_index=IGNORED
    )


def token_labels(labels: Sequence[Sequence[int]], width: int) -> torch.Tensor:
    """Labels a token, filled with :data:`IGNORED`: int64 (B, ``width``)."""
    import torch

    labels_BT = torch.full((len(labels), width), IGNORED, dtype=torch.long)
    for place, row in enumerate(labels):
        labels_BT[place, : len(row)] = torch.tensor(row, dtype=torch.long)
    return labels_BT
