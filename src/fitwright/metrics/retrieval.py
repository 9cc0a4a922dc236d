"""Quality of rankings, and of the right class among the most probable ones.

Legend of shapes: Q queries (or rows), D documents (or classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwright.core.errors import UsageError

RECALL_AT = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class RetrievalScores:
    """Means over the queries, shares from 0 to 1.

    Attributes:
        accuracy_at_1: queries whose first document is a right one.
        recall_at: k → right documents among the first k, of all right ones.
        mrr: mean of 1 / rank of the first right document, over the whole ranking.
    """

    accuracy_at_1: float
    recall_at: dict[int, float]
    mrr: float


def retrieval_scores(
    scores: ArrayLike, relevant: Sequence[Sequence[int]], *, recall_at: Sequence[int] = RECALL_AT
) -> RetrievalScores:
    """Accuracy at 1, recall at k and mean reciprocal rank.

    Args:
        scores: likeness of each query to each document (Q, D), larger is better.
        relevant: the right documents of each query, one at least.
        recall_at: the values of k; those above D read like D.

    Equal scores count against the model: a right document stands behind all others of its score. So a model
    that gives one score to all is as bad as can be, and not as good as the order of the file.

    Source: Manning, Raghavan & Schütze, Introduction to Information Retrieval (2008), chapter 8; Voorhees
    (TREC-8, 1999) for MRR. Known differences: ``sentence_transformers``' evaluator cuts MRR at rank 10, and
    breaks ties by the order of documents.
    """
    scores_QD = _checked(scores, len(relevant))
    width = scores_QD.shape[1]
    hits_at = dict.fromkeys(recall_at, 0.0)
    first = reciprocal = 0.0
    for row_D, right in zip(scores_QD, relevant, strict=True):
        chosen = np.unique(np.asarray(list(right), dtype=np.int64))
        if not chosen.size or chosen[0] < 0 or chosen[-1] >= width:
            raise UsageError("each query needs right documents", got=list(right), allowed=f"0 to {width - 1}")
        ranks = _ranks_of(row_D, chosen)
        first += ranks[0] == 1
        reciprocal += 1 / ranks[0]
        for k in hits_at:
            hits_at[k] += (ranks <= k).sum() / chosen.size
    count = len(relevant)
    return RetrievalScores(
        accuracy_at_1=float(first) / count, mrr=float(reciprocal) / count,
        recall_at={k: float(value) / count for k, value in hits_at.items()},
    )  # fmt: skip


def top_k_accuracy(truth: ArrayLike, scores: ArrayLike, k: int) -> float:
    """Share of rows whose class is among the ``k`` with the highest scores.

    Args:
        truth: class indices (Q,).
        scores: (Q, D), larger is more probable.
        k: 1 or more.

    As ``sklearn.metrics.top_k_accuracy_score``, but for ties: equal scores count against the model here.
    """
    truth_Q = np.asarray(truth)
    scores_QD = _checked(scores, len(truth_Q))
    if k < 1:
        raise UsageError("k must be at least 1", got=k)
    if truth_Q.dtype.kind not in "iu" or truth_Q.min() < 0 or truth_Q.max() >= scores_QD.shape[1]:
        raise UsageError("the truth must hold class indices", allowed=f"0 to {scores_QD.shape[1] - 1}")
    right_Q1 = np.take_along_axis(scores_QD, truth_Q[:, None], axis=1)
    return float(((scores_QD >= right_Q1).sum(axis=1) <= k).mean())


def _ranks_of(row_D: NDArray[np.float64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ranks from 1 of the chosen documents, best first; behind others of the same score."""
    wrong = np.ones(row_D.size, dtype=bool)
    wrong[chosen] = False
    others = np.sort(row_D[wrong])
    scores = np.sort(row_D[chosen])[::-1]
    ahead = others.size - np.searchsorted(others, scores, side="left")
    ranks: NDArray[np.int64] = ahead + np.arange(1, scores.size + 1)
    return ranks


def _checked(scores: ArrayLike, rows: int) -> NDArray[np.float64]:
    scores_QD = np.asarray(scores, dtype=np.float64)
    if scores_QD.ndim != 2 or len(scores_QD) != rows or not scores_QD.size:
        raise UsageError(
            "a row of scores for each query is needed", got=scores_QD.shape, allowed=f"({rows}, …)"
        )
    if np.isnan(scores_QD).any():
        raise UsageError("the scores must be numbers", got="nan")
    return scores_QD
