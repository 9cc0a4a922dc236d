"""Quality of class predictions.

Legend of shapes: N rows, C classes; a confusion matrix is (C, C), truth in rows and prediction in columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwright.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """One class: shares from 0 to 1; ``support`` is its rows in truth."""

    precision: float
    recall: float
    f1: float
    support: int


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of the N rows where the prediction is the truth."""
    truth_N, predicted_N = checked(truth, predicted)
    return float((truth_N == predicted_N).mean())


def macro_f1(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Unweighted mean of F1 over the classes that occur in truth or prediction.

    F1 = 2 TP / (2 TP + FP + FN); a class that is never predicted, or never right, has 0. The definition of
    ``sklearn.metrics.f1_score(average="macro", zero_division=0)``.
    """
    return macro_f1_of(confusion(truth, predicted))


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: int | None = None) -> NDArray[np.int64]:
    """Counts (C, C) by truth (rows) and prediction (columns).

    Args:
        truth, predicted: class indices (N,).
        classes: C; ``None`` for the largest index seen plus one.
    """
    truth_N, predicted_N = checked(truth, predicted)
    needed = int(max(truth_N.max(), predicted_N.max())) + 1
    size = needed if classes is None else classes
    if needed > size:
        raise UsageError("a class index is out of range", got=needed - 1, allowed=f"0 to {size - 1}")
    counts = np.bincount(truth_N * size + predicted_N, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64)


def per_class(confusion_CC: NDArray[np.int64]) -> tuple[ClassScores, ...]:
    """Precision TP / (TP + FP), recall TP / (TP + FN) and F1 of each class; 0 where the divisor is 0."""
    hits_C = np.diagonal(confusion_CC)
    predicted_C, support_C = confusion_CC.sum(axis=0), confusion_CC.sum(axis=1)
    precision_C, recall_C = _ratio(hits_C, predicted_C), _ratio(hits_C, support_C)
    f1_C = _ratio(2 * hits_C, predicted_C + support_C)
    return tuple(
        ClassScores(precision=float(p), recall=float(r), f1=float(f), support=int(n))
        for p, r, f, n in zip(precision_C, recall_C, f1_C, support_C, strict=True)
    )


def macro_f1_of(confusion_CC: NDArray[np.int64]) -> float:
    """Macro-F1 (see :func:`macro_f1`) of a confusion matrix."""
    hits_C = np.diagonal(confusion_CC)
    sizes_C = confusion_CC.sum(axis=0) + confusion_CC.sum(axis=1)
    return float(macro_f1_from_counts(hits_C, sizes_C))


def macro_f1_from_counts(hits: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.float64]:
    """Macro-F1 over the last axis.

    Args:
        hits: TP of each class (..., C).
        sizes: rows of the class in truth plus rows predicted as it, 2 TP + FP + FN, (..., C).

    Returns:
        (...): the mean over the classes with ``sizes`` above 0.
    """
    scores = _ratio(2 * hits, sizes)
    result: NDArray[np.float64] = scores.sum(axis=-1) / np.maximum((sizes > 0).sum(axis=-1), 1)
    return result


def checked(truth: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both as int64 (N,): the same length, at least one row, no negative index."""
    truth_N, predicted_N = np.asarray(truth), np.asarray(predicted)
    if truth_N.ndim != 1 or truth_N.shape != predicted_N.shape:
        raise UsageError(
            "truth and prediction must be two lists of one length", got=(truth_N.shape, predicted_N.shape)
        )
    if truth_N.size == 0:
        raise UsageError("a quality metric needs at least one row")
    for name, values in (("truth", truth_N), ("prediction", predicted_N)):
        if values.dtype.kind not in "iu" or values.min() < 0:
            raise UsageError(f"the {name} must hold class indices", allowed="integers, 0 or more")
    return truth_N.astype(np.int64), predicted_N.astype(np.int64)


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Quotient, 0 where the divisor is 0."""
    zeros = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape), dtype=np.float64)
    np.divide(numerator, denominator, out=zeros, where=denominator != 0)
    return zeros
