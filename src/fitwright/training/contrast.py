"""Contrastive losses: each query has to find its own among all candidates of the step.

Legend of shape suffixes: Q queries, C candidates, D width of an embedding.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def contrast(
    queries_QD: torch.Tensor,
    candidates_CD: torch.Tensor,
    own_Q: torch.Tensor,
    scale: float | torch.Tensor,
    hidden_QC: torch.Tensor | None = None,
) -> torch.Tensor:
    """InfoNCE with in-batch negatives: mean cross-entropy, in nats, of finding the own candidate.

    Source: van den Oord et al. 2018; Henderson et al. 2017 for the negatives of the batch.

    Args:
        queries_QD, candidates_CD: of length 1 each, so that products are cosines; fp32.
        own_Q: which candidate belongs to each query.
        scale: 1 / temperature.
        hidden_QC: candidates to leave out, such as other copies of the own one; never the own one itself.
    """
    from torch.nn.functional import cross_entropy

    logits_QC = scale * (queries_QD @ candidates_CD.T)
    if hidden_QC is not None:
        logits_QC = logits_QC.masked_fill(hidden_QC, float("-inf"))
    return cross_entropy(logits_QC.float(), own_Q)


def number_of(value: str) -> int:
    """A number for a text, the same for the same in all runs and parts, of 63 bits."""
    return int.from_bytes(hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest()) >> 1


def found(
    queries_QD: torch.Tensor, candidates_CD: torch.Tensor, names_QN: torch.Tensor, names_CN: torch.Tensor
) -> int:
    """How many queries have a right candidate as the nearest one.

    Args:
        queries_QD, candidates_CD: of length 1.
        names_QN, names_CN: N numbers each; a candidate is right where it shares one, in its place, with the
            query.
    """
    right = 0
    for queries, names in zip(queries_QD.split(256), names_QN.split(256), strict=True):
        nearest = (queries @ candidates_CD.T).argmax(-1)
        right += int((names_CN[nearest] == names).any(-1).sum())
    return right
