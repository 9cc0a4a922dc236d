"""Intervals around measured numbers: bootstrap for quality, order statistics for latency.

Legend of shapes: N rows, K kinds of row (rows with the same truth and predictions), R resamples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwright.core.errors import UsageError
from fitwright.metrics.classification import checked, macro_f1_from_counts

Metric = Literal["accuracy", "macro_f1"]
RESAMPLES = 2000
_CELLS_PER_CHUNK = 4_000_000

_Scores = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A value and the bounds around it, in the value's unit."""

    value: float
    low: float
    high: float

    def __neg__(self) -> Interval:
        """The interval of the negated quantity: a difference of -1 is a drop of 1."""
        return Interval(value=-self.value, low=-self.high, high=-self.low)


def bootstrap(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    metric: Metric = "accuracy",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a metric over rows drawn independently.

    Rows with the same truth and prediction are interchangeable, so each resample is one multinomial draw of
    the K counts instead of N row draws: the same distribution, much faster.

    Args:
        truth, predicted: class indices (N,).
        metric: ``accuracy`` or ``macro_f1``, as a fraction.
        resamples: R; the bounds' own Monte Carlo error falls as its square root.
        confidence: probability that the interval is meant to cover.
        seed: of the resampling.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Known error: covers less
    than stated where rows are few or the metric is near 0 or 1, and it knows nothing of the spread between
    training seeds.
    """
    truth_N, predicted_N = checked(truth, predicted)
    kinds_K, counts_K = np.unique(np.stack([truth_N, predicted_N]), axis=1, return_counts=True)
    return _percentile_interval(
        _scores_of(metric, kinds_K[0], kinds_K[1]), counts_K, resamples, confidence, seed
    )


def paired_difference(
    truth: ArrayLike,
    predicted: ArrayLike,
    baseline: ArrayLike,
    *,
    metric: Metric = "accuracy",
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Points (hundredths) by which ``predicted`` scores above ``baseline`` on the same rows.

    Both models are scored on each resample, so what makes a row hard for both cancels out. Negative: worse
    than the baseline; ``-paired_difference(...)`` is the drop.

    Args:
        truth, predicted, baseline: class indices (N,) of the same rows in the same order.
        metric, resamples, confidence, seed: as in :func:`bootstrap`.

    Source: Efron & Tibshirani (1993), chapters 8 and 13; for paired test sets Koehn, Statistical Significance
    Tests for Machine Translation Evaluation (EMNLP 2004).
    """
    truth_N, predicted_N = checked(truth, predicted)
    _, baseline_N = checked(truth, baseline)
    rows_3N = np.stack([truth_N, predicted_N, baseline_N])
    kinds_3K, counts_K = np.unique(rows_3N, axis=1, return_counts=True)
    first = _scores_of(metric, kinds_3K[0], kinds_3K[1])
    second = _scores_of(metric, kinds_3K[0], kinds_3K[2])
    return _percentile_interval(
        lambda counts_RK: 100 * (first(counts_RK) - second(counts_RK)), counts_K, resamples, confidence, seed
    )


def percentile(samples: ArrayLike, share: float, *, confidence: float = 0.95) -> Interval:
    """A percentile with its distribution-free interval between two order statistics.

    The number of samples below the true percentile is binomial(N, share) whatever the distribution, so two
    ranks that hold it with the wanted probability bound the percentile.

    Args:
        samples: measurements (N,), for example seconds.
        share: 0.5 for p50, 0.95 for p95.
        confidence: smallest coverage.

    Returns:
        The percentile (linear interpolation between samples) and its bounds. Where N is too small for a bound
        (p95 at 95 % needs 72 samples, see :func:`samples_needed`), the bound is the smallest or largest
        sample and covers less than stated.

    Source: David & Nagaraja, Order Statistics (3rd ed. 2003), section 7.1. Known error: it takes the samples
    as independent; a machine that slows down for a while makes it too narrow.
    """
    values = np.sort(np.asarray(samples, dtype=np.float64))
    if values.ndim != 1 or values.size == 0:
        raise UsageError("a percentile needs a list of at least one sample", got=values.shape)
    if not np.isfinite(values).all():
        raise UsageError("a percentile needs finite samples")
    _check_share("share", share)
    _check_share("confidence", confidence)
    below = _binomial_cdf(values.size, share)
    tail = (1 - confidence) / 2
    # 1-based ranks: the largest l with P(B < l) <= tail, the smallest u with P(B < u) >= 1 - tail.
    low_rank = int(np.searchsorted(below, tail, side="right"))
    high_rank = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    value = float(np.quantile(values, share))
    low = float(values[max(low_rank, 1) - 1])
    high = float(values[min(high_rank, values.size) - 1])
    return Interval(value=value, low=min(low, value), high=max(high, value))


def samples_needed(share: float, confidence: float = 0.95) -> int:
    """Fewest samples with which :func:`percentile` has both bounds among them."""
    _check_share("share", share)
    _check_share("confidence", confidence)
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(share, 1 - share)))


def _scores_of(metric: Metric, truth_K: NDArray[np.int64], predicted_K: NDArray[np.int64]) -> _Scores:
    """The metric as a function of how often each kind of row occurs: counts (R, K) -> scores (R,)."""
    right_K = truth_K == predicted_K
    if metric == "accuracy":
        return lambda counts_RK: counts_RK[:, right_K].sum(axis=1) / counts_RK.sum(axis=1)
    if metric != "macro_f1":
        raise UsageError("unknown metric", got=metric, allowed="accuracy, macro_f1")
    size = int(max(truth_K.max(), predicted_K.max())) + 1
    in_truth_KC = np.eye(size)[truth_K]
    in_either_KC = in_truth_KC + np.eye(size)[predicted_K]
    in_hits_KC = in_truth_KC * right_K[:, None]

    def scores(counts_RK: NDArray[np.int64]) -> NDArray[np.float64]:
        counts = counts_RK.astype(np.float64)
        return macro_f1_from_counts(counts @ in_hits_KC, counts @ in_either_KC)

    return scores


def _percentile_interval(
    scores: _Scores, counts_K: NDArray[np.int64], resamples: int, confidence: float, seed: int
) -> Interval:
    if resamples < 1:
        raise UsageError("the number of resamples must be at least 1", got=resamples)
    _check_share("confidence", confidence)
    generator = np.random.default_rng(seed)
    rows = int(counts_K.sum())
    chunk = max(1, _CELLS_PER_CHUNK // len(counts_K))
    drawn_R = np.concatenate([
        scores(generator.multinomial(rows, counts_K / rows, size=min(chunk, resamples - start)))
        for start in range(0, resamples, chunk)
    ])  # fmt: skip
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn_R, [tail, 1 - tail])
    value = float(scores(counts_K[None, :])[0])
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _binomial_cdf(trials: int, share: float) -> NDArray[np.float64]:
    """P(B <= k) for k = 0 .. trials of B ~ binomial(trials, share)."""
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    k = np.arange(trials + 1)
    log_mass = (
        log_factorials[-1] - log_factorials - log_factorials[::-1]
        + k * math.log(share) + (trials - k) * math.log1p(-share)
    )  # fmt: skip
    cumulative: NDArray[np.float64] = np.minimum(np.cumsum(np.exp(log_mass)), 1.0)
    return cumulative


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise UsageError(f"the {name} is out of range", got=value, allowed="above 0, below 1")
