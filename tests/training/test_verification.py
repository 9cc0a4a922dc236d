"""The proof really kills, really compares, and finds a difference where there is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from safetensors.torch import load_file, save_file

from fitwright.core.files import read_json
from fitwright.core.progress import Silent
from fitwright.modeling.comparison import WeightComparison, compare_weights
from fitwright.training import verification
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(epochs=2, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0)


def test_a_killed_run_is_resumed_and_compared(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHECKPOINT_S", 0.0)
    job = make_job()
    folder = train_model(job, SETTINGS, Silent())
    steps = verification.total_steps(folder)
    proof = verification.verify_resume(job, SETTINGS, steps - 2, Silent())
    assert proof.identical
    assert (proof.killed_at_step, proof.steps, proof.tensors) == (steps - 2, steps, 73)
    assert proof.resumed_at is not None
    assert proof.resumed_at[0] == 1
    assert read_json(folder / verification.PROOF_NAME)["identical"] is True
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_one_bit_is_found(make_job: MakeJob) -> None:
    left = train_model(make_job("left"), SETTINGS.but(epochs=1), Silent())
    right = train_model(make_job("right"), SETTINGS.but(epochs=1), Silent())
    assert compare_weights(left, right) == WeightComparison(tensors=73, different=())
    weights = load_file(right / "model.safetensors")
    before = float(weights["classifier.bias"][0])
    weights["classifier.bias"][0] *= -1
    save_file(weights, right / "model.safetensors", metadata={"format": "pt"})
    found = compare_weights(left, right)
    assert found.different == ("classifier.bias",)
    assert found.largest == pytest.approx(2 * abs(before))
    del weights["classifier.bias"]
    save_file(weights, right / "model.safetensors", metadata={"format": "pt"})
    assert compare_weights(left, right) == WeightComparison(tensors=73, different=("classifier.bias",))
