"""The range test finds where the loss falls, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fitwright.core.progress import Silent
from fitwright.training.job import Job
from fitwright.training.range_test import HIGHEST, LOWEST, range_test
from fitwright.training.settings import TrainSettings


def test_it_suggests_a_rate_before_the_loss_blows_up(make_job: Callable[..., Job]) -> None:
    job = make_job()
    settings = TrainSettings(precision="fp32", max_length=16, batch_size=8, packing="off")
    found = range_test(job, settings, Silent())
    assert found.losses[-1] > 2 * min(found.losses)  # it went far enough to see it
    assert LOWEST < found.suggested < found.rates[-1] <= HIGHEST
    assert not job.output.exists()
    assert not job.work.exists()
    assert range_test(job, settings, Silent()) == found


def test_it_attends_within_the_window_that_the_run_will_have(
    make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fitwright.training.range_test.STEPS", 2)
    settings = TrainSettings(precision="fp32", max_length=48, batch_size=8, packing="off", dropout=0.0)
    full, narrow = (
        range_test(make_job(), chosen, Silent()).losses
        for chosen in (settings, settings.but(attention_window=1, attention_window_above=4))
    )
    assert full[0] != narrow[0]
