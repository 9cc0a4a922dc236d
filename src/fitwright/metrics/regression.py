"""Quality of predicted numbers, and how two rankings agree.

Legend of shapes: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwright.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class RegressionScores:
    """Errors in the unit of the numbers (squared for ``mse``); correlations from -1 to 1.

    A correlation is ``nan`` where truth or prediction is constant: it is not defined there.
    """

    mse: float
    mae: float
    pearson: float
    spearman: float


def regression_scores(truth: ArrayLike, predicted: ArrayLike) -> RegressionScores:
    """Mean squared and mean absolute error, Pearson and Spearman correlation of (N,) and (N,)."""
    truth_N, predicted_N = _checked(truth, predicted)
    error_N = predicted_N - truth_N
    return RegressionScores(
        mse=float((error_N**2).mean()), mae=float(np.abs(error_N).mean()),
        pearson=pearson(truth_N, predicted_N), spearman=spearman(truth_N, predicted_N),
    )  # fmt: skip


def pearson(one: ArrayLike, other: ArrayLike) -> float:
    """Pearson's r, Σ(x - x̄)(y - ȳ) / √(Σ(x - x̄)² Σ(y - ȳ)²); ``nan`` where one is constant.

    As ``scipy.stats.pearsonr``, which also warns of a constant input.
    """
    one_N, other_N = _checked(one, other)
    if (one_N == one_N[0]).all() or (other_N == other_N[0]).all():
        return float("nan")
    x_N, y_N = one_N - one_N.mean(), other_N - other_N.mean()
    x_N, y_N = x_N / np.linalg.norm(x_N), y_N / np.linalg.norm(y_N)
    return float(np.clip(x_N @ y_N, -1.0, 1.0))


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's ρ: Pearson's r of the ranks, ties at their mean rank. As ``scipy.stats.spearmanr``."""
    one_N, other_N = _checked(one, other)
    return pearson(_ranks(one_N), _ranks(other_N))


def _ranks(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values at the mean of their ranks."""
    _, kind_N, counts_K = np.unique(values_N, return_inverse=True, return_counts=True)
    last_K = np.cumsum(counts_K)
    ranks: NDArray[np.float64] = (last_K - (counts_K - 1) / 2)[kind_N]
    return ranks


def _checked(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one_N, other_N = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one_N.ndim != 1 or one_N.shape != other_N.shape or not one_N.size:
        raise UsageError("two lists of numbers of one length are needed", got=(one_N.shape, other_N.shape))
    if not (np.isfinite(one_N).all() and np.isfinite(other_N).all()):
        raise UsageError("the numbers must be finite")
    return one_N, other_N
