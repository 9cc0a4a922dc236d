"""Rates and batches over a run."""

from __future__ import annotations

import itertools

import pytest

from fitwright.core.errors import UsageError
from fitwright.training.schedule import batch_of_epoch, learning_rate, rate_for_batch
from fitwright.training.settings import SCHEDULES, TrainSettings

SETTINGS = TrainSettings(learning_rate=1.0, warmup=0.1)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_warms_up_to_its_peak_and_never_rises_again(name: str) -> None:
    rates = [learning_rate(step, 1000, SETTINGS.but(schedule=name)) for step in range(1000)]
    assert rates[:100] == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert max(rates) == pytest.approx(1.0)
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(rates[100:]))


@pytest.mark.parametrize(
    ("name", "half", "end"),
    [
        ("linear", 0.5, 0.0), ("cosine", 0.5, 0.0), ("constant", 1.0, 1.0), ("wsd", 1.0, 0.0),
        ("inverse-sqrt", (100 / 551) ** 0.5, 0.1**0.5),
    ],
)  # fmt: skip
def test_values_of_the_formulas(name: str, half: float, end: float) -> None:
    settings = SETTINGS.but(schedule=name)
    assert learning_rate(550, 1000, settings) == pytest.approx(half)
    assert learning_rate(999, 1000, settings) == pytest.approx(end, abs=0.01)


def test_a_final_rate_is_the_floor() -> None:
    rates = [learning_rate(step, 100, SETTINGS.but(schedule="cosine", final_rate=0.2)) for step in range(100)]
    assert min(rates[10:]) == pytest.approx(0.2, abs=1e-3)


def test_the_batch_grows_and_the_rate_with_its_square_root() -> None:
    settings = SETTINGS.but(batch_size=16, batch_growth=2.0, reference_batch=16)
    assert [batch_of_epoch(epoch, 16, settings) for epoch in range(3)] == [16, 32, 64]
    assert rate_for_batch(64, settings) == 2.0
    assert rate_for_batch(64, SETTINGS) == 1.0


def test_unknown_ones_are_named() -> None:
    with pytest.raises(UsageError, match="cosine"):
        TrainSettings(schedule="cosinus")
    with pytest.raises(UsageError, match="batch_growth"):
        TrainSettings(batch_growth=0.0)
