"""Lower precisions: the same run, with exact resume; a gradient that overflows in fp16 costs one step."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.training import precision
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(
    epochs=1, learning_rate=5e-3, precision="fp16", max_length=24, batch_size=64, checkpoint_s=0.0
)


@pytest.mark.slow
def test_fp16_resumes_with_its_scale_and_survives_overflow(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "FIRST_SCALE", 2.0**26)
    settings = SETTINGS.but(epochs=2)
    whole = train_model(make_job("whole"), settings, Silent())
    history = read_history(whole)
    assert 0 < history.overflows < history.points[-1].step
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(job, settings, StopAfter(history.overflows + 1))
    resumed = train_model(job, settings, Silent())
    assert read_history(resumed).overflows == history.overflows
    expected, found = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all((expected[name] == found[name]).all() for name in expected)


@pytest.mark.slow
def test_lower_precisions_train_what_fp32_trains(make_job: MakeJob) -> None:
    losses = {
        name: read_history(train_model(make_job(name), SETTINGS.but(precision=name), Silent())).points[0]
        for name in ("fp32", "bf16", "fp16")
    }
    for name in ("bf16", "fp16"):
        assert losses[name].train_loss == pytest.approx(losses["fp32"].train_loss, rel=0.02)


def test_tf32_needs_a_card() -> None:
    with pytest.raises(UsageError, match=r"tf32.*--precision"):
        precision.choose_precision("tf32", torch.device("cpu"))


def test_a_scaled_run_rolls_back_a_gradient_that_is_no_number(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the smallest scale no smaller one helps: back to the checkpoint, with a scaler that starts anew."""
    from fitwright.training.tasks.text_classification import TextClassification

    usual, calls = TextClassification.loss, [0]

    def spoilt(*given: object) -> torch.Tensor:
        calls[0] += 1
        loss = usual(*given)  # type: ignore[arg-type]
        if calls[0] == 2:
            loss.register_hook(lambda gradient: gradient * math.nan)
        return loss

    monkeypatch.setattr(precision, "FIRST_SCALE", 1.0)
    monkeypatch.setattr(TextClassification, "loss", spoilt)
    folder = train_model(make_job(), SETTINGS.but(batch_size=256), Silent())
    assert read_history(folder).rollbacks == 1
