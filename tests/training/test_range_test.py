"""The range test finds where the loss falls, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

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
