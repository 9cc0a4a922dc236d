"""What leaves the rails is caught, undone and gone on from; what does not is left alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from fitwright.core.errors import RunError
from fitwright.core.progress import Silent
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings
from fitwright.training.spikes import WINDOW, SpikeWatch
from fitwright.training.tasks.text_classification import TextClassification

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(epochs=1, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0)


class Lines(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def spoilt(calls: set[int], factor: float) -> Callable[..., torch.Tensor]:
    """The usual loss, multiplied at those calls."""
    count, usual = 0, TextClassification.loss

    def objective(*given: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        return usual(*given) * (factor if count in calls else 1.0)

    return objective


@pytest.mark.parametrize(
    ("call", "checkpoint_s", "back"),
    [(1, 0.0, 0), (6, 0.0, 5), (6, 1e9, 0)],
    ids=["first", "late", "far back"],
)
def test_a_loss_that_is_no_number_is_rolled_back(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, call: int, checkpoint_s: float, back: int
) -> None:
    progress = Lines()
    monkeypatch.setattr(TextClassification, "loss", spoilt({call}, math.nan))
    folder = train_model(make_job(), SETTINGS.but(checkpoint_s=checkpoint_s), progress)
    history = read_history(folder)
    assert history.rollbacks == 1
    assert math.isfinite(history.points[0].train_loss)
    assert [line for line in progress.said if f"became nan at step {call - 1}: back to step {back}," in line]


def test_it_gives_up_after_a_few_times(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TextClassification, "loss", spoilt(set(range(4, 99)), math.inf))
    progress = Lines()
    with pytest.raises(RunError, match=r"became inf at step 3.*--learning-rate"):
        train_model(make_job(), SETTINGS, progress)
    scales = [line.split(" of the learning rate")[0].split()[-1] for line in progress.said]
    assert scales == ["0.5", "0.25", "0.125"]


def test_a_spike_is_one_and_noise_is_none() -> None:
    watch, generator = SpikeWatch(), np.random.default_rng(0)
    falling = [2 * math.exp(-step / 40) + float(generator.exponential(0.05)) for step in range(200)]
    assert not any(watch.is_spike(loss) for loss in falling)
    assert not watch.is_spike(2.0)  # far above the rest, but not above the start
    assert SpikeWatch(watch.state).is_spike(60.0)
    watch = SpikeWatch()
    assert not any(watch.is_spike(loss) for loss in [1e9] + [1.0] * (WINDOW - 2))  # too early to tell


def test_a_spike_is_rolled_back(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Lines()
    monkeypatch.setattr(TextClassification, "loss", spoilt({40}, 1e4))
    folder = train_model(make_job(), SETTINGS.but(epochs=5, patience=9), progress)
    assert read_history(folder).rollbacks == 1
    assert [line for line in progress.said if "the loss jumped" in line]


def test_one_hard_row_alone_is_no_spike() -> None:
    watch = SpikeWatch([[0.5] * WINDOW, [0.1] * WINDOW])
    assert not watch.is_spike(1.5, size=1 / 32)
    assert watch.is_spike(1.5)
