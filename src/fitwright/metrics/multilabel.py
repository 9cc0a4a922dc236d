"""Quality of predictions with any number of classes a row.

Legend of shapes: N rows, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwright.core.errors import UsageError
from fitwright.metrics.classification import macro_f1_from_counts


@dataclass(frozen=True, kw_only=True)
class MultiLabelScores:
    """Shares from 0 to 1: F1 of all decisions, mean F1 of the classes, rows that are right as a whole."""

    micro_f1: float
    macro_f1: float
    subset_accuracy: float


def multilabel_scores(truth: ArrayLike, predicted: ArrayLike) -> MultiLabelScores:
    """Micro-F1, macro-F1 and subset accuracy.

    micro-F1 = 2 ΣTP / (2 ΣTP + ΣFP + ΣFN) over all classes; macro-F1 the mean over the classes of
    2 TP / (2 TP + FP + FN); subset accuracy the share of rows where every class is right.

    Args:
        truth, predicted: (N, C), 0 or 1.

    Source: ``sklearn.metrics.f1_score(average="micro" | "macro", zero_division=0)`` and ``accuracy_score``.
    Known difference: a class that is neither in truth nor predicted is left out of the macro mean; sklearn
    counts it as 0 (or as 1 with ``zero_division=1``).
    """
    truth_NC, predicted_NC = _checked(truth, predicted)
    hits_C = (truth_NC & predicted_NC).sum(axis=0)
    sizes_C = truth_NC.sum(axis=0) + predicted_NC.sum(axis=0)
    return MultiLabelScores(
        micro_f1=float(2 * hits_C.sum() / max(1, sizes_C.sum())),
        macro_f1=float(macro_f1_from_counts(hits_C, sizes_C)),
        subset_accuracy=float((truth_NC == predicted_NC).all(axis=1).mean()),
    )


def _checked(truth: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    truth_NC, predicted_NC = np.asarray(truth), np.asarray(predicted)
    if truth_NC.ndim != 2 or truth_NC.shape != predicted_NC.shape or not len(truth_NC):
        raise UsageError(
            "truth and prediction must be two tables of rows × classes",
            got=(truth_NC.shape, predicted_NC.shape),
        )
    for name, values in (("truth", truth_NC), ("prediction", predicted_NC)):
        if not np.isin(values, (0, 1)).all():
            raise UsageError(f"the {name} must hold decisions", allowed="0 or 1")
    return truth_NC.astype(bool), predicted_NC.astype(bool)
