from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.metrics.classification import accuracy, macro_f1
from fitwright.metrics.intervals import Interval, bootstrap, paired_difference, percentile, samples_needed


def predictions(rows: int, share: float, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, rows)
    other = (truth + generator.integers(1, classes, rows)) % classes
    return truth, np.where(generator.random(rows) < share, truth, other)


# bootstrap


def test_accuracy_interval_agrees_with_the_binomial() -> None:
    truth, predicted = predictions(1706, 0.85)
    interval = bootstrap(truth, predicted)
    value = accuracy(truth, predicted)
    half = 1.96 * math.sqrt(value * (1 - value) / 1706)
    assert interval.value == pytest.approx(value)
    assert interval.low == pytest.approx(value - half, abs=0.002)
    assert interval.high == pytest.approx(value + half, abs=0.002)


@pytest.mark.parametrize("classes", [2, 5])
def test_macro_f1_interval_agrees_with_resampling_the_rows(classes: int) -> None:
    truth, predicted = predictions(300, 0.8, classes)
    interval = bootstrap(truth, predicted, metric="macro_f1")
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        rows = generator.integers(0, 300, 300)
        drawn.append(macro_f1(truth[rows], predicted[rows]))
    assert interval.value == pytest.approx(macro_f1(truth, predicted))
    assert [interval.low, interval.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.008)


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    hits = 0
    for trial in range(200):
        interval = bootstrap(*predictions(200, 0.8, seed=trial), resamples=400, seed=trial)
        hits += interval.low <= 0.8 <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


def test_seed_confidence_and_resamples() -> None:
    truth, predicted = predictions(100, 0.8)
    assert bootstrap(truth, predicted, seed=1) == bootstrap(truth, predicted, seed=1)
    assert bootstrap(truth, predicted, seed=1, metric="macro_f1") != bootstrap(
        truth, predicted, seed=2, metric="macro_f1"
    )
    wide, narrow = bootstrap(truth, predicted, confidence=0.99), bootstrap(truth, predicted, confidence=0.5)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_resampling_in_chunks_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, predicted = predictions(100, 0.8, 4)
    whole = bootstrap(truth, predicted, metric="macro_f1", resamples=300)
    monkeypatch.setattr("fitwright.metrics.intervals._CELLS_PER_CHUNK", 100)
    assert bootstrap(truth, predicted, metric="macro_f1", resamples=300) == whole


def test_perfect_predictions() -> None:
    assert bootstrap([0, 1, 1], [0, 1, 1]) == Interval(1.0, 1.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=30),
    st.sampled_from(["accuracy", "macro_f1"]),
)
def test_a_value_lies_in_its_interval(rows: list[tuple[int, int, int]], metric: str) -> None:
    truth, first, second = map(list, zip(*rows, strict=True))
    one = bootstrap(truth, first, metric=metric, resamples=20)  # type: ignore[arg-type]
    two = paired_difference(truth, first, second, metric=metric, resamples=20)  # type: ignore[arg-type]
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert -100 <= two.low <= two.value <= two.high <= 100


# paired difference


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_difference_in_points_and_its_sign(metric: str) -> None:
    truth, baseline = predictions(500, 0.9, 3)
    predicted = predictions(500, 0.8, 3, seed=0)[1]
    function = {"accuracy": accuracy, "macro_f1": macro_f1}[metric]
    interval = paired_difference(truth, predicted, baseline, metric=metric)  # type: ignore[arg-type]
    assert interval.value == pytest.approx(100 * (function(truth, predicted) - function(truth, baseline)))
    assert interval.low < interval.value < interval.high < 0
    back = -paired_difference(truth, baseline, predicted, metric=metric)  # type: ignore[arg-type]
    assert back.value == pytest.approx(interval.value)
    assert back.low < back.value < back.high


def test_the_same_predictions_do_not_differ() -> None:
    truth, predicted = predictions(50, 0.7)
    assert paired_difference(truth, predicted, predicted) == Interval(0.0, 0.0, 0.0)


def test_pairing_is_narrower_than_two_separate_intervals() -> None:
    truth, baseline = predictions(1000, 0.85)
    predicted = baseline.copy()
    predicted[:20] = 1 - predicted[:20]
    paired = paired_difference(truth, predicted, baseline)
    alone = bootstrap(truth, baseline)
    assert paired.high - paired.low < 0.5 * 100 * (alone.high - alone.low)


# percentile


def test_percentile_of_known_samples() -> None:
    samples = list(range(1, 101))
    interval = percentile(samples[::-1], 0.5)
    assert interval.value == pytest.approx(50.5)
    # binomial(100, 1/2): P(B <= 39) = 0.0176, P(B <= 40) = 0.0284, so ranks 40 and 61
    assert (interval.low, interval.high) == (40, 61)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_percentile_covers_at_least_as_often_as_it_says(share: float) -> None:
    generator = np.random.default_rng(0)
    true = -math.log(1 - share)
    intervals = [percentile(generator.exponential(size=150), share) for _ in range(800)]
    assert sum(i.low <= true <= i.high for i in intervals) / 800 >= 0.94


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=80), st.floats(0.01, 0.99))
def test_percentile_lies_in_its_interval_among_the_samples(samples: list[float], share: float) -> None:
    interval = percentile(samples, share)
    assert min(samples) <= interval.low <= interval.value <= interval.high <= max(samples)


@pytest.mark.parametrize(("share", "needed"), [(0.5, 6), (0.95, 72), (0.05, 72)])
def test_samples_needed(share: float, needed: int) -> None:
    assert samples_needed(share) == needed
    beyond = max(share, 1 - share)
    assert beyond**needed <= 0.025 < beyond ** (needed - 1)


# errors


@pytest.mark.parametrize("samples", [[], [[1.0]], [1.0, float("nan")], [float("inf")]])
def test_unusable_samples(samples: list[float]) -> None:
    with pytest.raises(UsageError, match="a percentile needs"):
        percentile(samples, 0.5)


@pytest.mark.parametrize("value", [0, 1, -1, 95, float("nan")])
def test_shares_out_of_range(value: float) -> None:
    for call in (
        lambda: percentile([1.0], value), lambda: percentile([1.0], 0.5, confidence=value),
        lambda: bootstrap([0], [0], confidence=value), lambda: samples_needed(value),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="out of range"):
            call()


def test_unknown_metric_and_no_resamples() -> None:
    with pytest.raises(UsageError, match="unknown metric; got 'bleu'; allowed: accuracy, macro_f1"):
        bootstrap([0], [0], metric="bleu")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="resamples must be at least 1"):
        bootstrap([0], [0], resamples=0)


def test_rows_of_different_length() -> None:
    with pytest.raises(UsageError, match="one length"):
        paired_difference([0, 1], [0, 1], [0])
