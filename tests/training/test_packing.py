"""Training without padding: the same objective, chosen by a rule, with exact resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.modeling.classifier import load_classifier
from fitwright.modeling.packing.model import PackedModel
from fitwright.training.directory import read_history
from fitwright.training.job import Job, set_dropout, train_model
from fitwright.training.packing import choose_packing
from fitwright.training.settings import TrainSettings
from tests.modeling.packing.families import tiny
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(epochs=2, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0)


def test_loss_and_gradients_weigh_rows_as_the_padded_run_does(make_job: MakeJob) -> None:
    job = make_job()
    rows = job.task.encode(job.data.train, job.source, job.work, 48)
    batch = rows.batch(list(range(20)), torch.device("cpu"))
    found = []
    for packed in (False, True):
        model = load_classifier(job.source, job.data.labels).train()
        set_dropout(model, 0.0)
        if packed:
            PackedModel(model, multiple=64)
        loss = job.task.loss(model, batch)
        loss.backward()
        found.append([loss.detach()] + [p.grad for p in model.parameters() if p.grad is not None])
    assert len(found[0]) == len(found[1])
    for padded, mine in zip(*found, strict=True):
        torch.testing.assert_close(mine, padded, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "changes", [{"packing": "on", "batch_tokens": 600}, {"packing": "off", "batch_tokens": 600}],
    ids=["packed", "padded"],
)  # fmt: skip
def test_a_token_budget_resumes_to_the_same_bits(make_job: MakeJob, changes: dict[str, object]) -> None:
    settings = SETTINGS.but(**changes)
    whole = train_model(make_job("whole"), settings, Silent())
    assert read_history(whole).packing == changes["packing"]
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(job, settings, StopAfter(9))
    resumed = train_model(job, settings, Silent())
    expected, found = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all((expected[name] == found[name]).all() for name in expected)


def test_the_saved_model_remembers_nothing_of_it(make_job: MakeJob) -> None:
    folder = train_model(make_job(), SETTINGS.but(epochs=1), Silent())
    assert read_history(folder).packing == "on"  # auto, on a CPU, with rows of uneven length
    assert "packed" not in (folder / "config.json").read_text()


def test_auto_is_a_rule() -> None:
    can, cannot = tiny("bert"), tiny("mpnet")
    assert choose_packing("auto", [can], 0.1, "cpu") == "on"
    assert choose_packing("auto", [can], 0.0, "cpu") == "on"  # its packed layers are faster by themselves
    assert choose_packing("auto", [tiny("distilbert")], 0.1, "cpu") == "on"
    assert choose_packing("auto", [tiny("distilbert")], 0.01, "cpu") == "off"
    assert choose_packing("auto", [can], 0.1, "cuda") == "off"
    assert choose_packing("auto", [can, cannot], 0.1, "cpu") == "off"
    assert choose_packing("auto", [can], 0.1, "cpu", shortest=0) == "off"
    assert choose_packing("on", [can], 0.0, "cuda") == "on"
    assert choose_packing("off", [can], 0.9, "cpu") == "off"
    with pytest.raises(UsageError, match=r"mpnet.*--packing"):
        choose_packing("on", [cannot], 0.1, "cpu")


def test_settings_name_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="auto, on, off"):
        TrainSettings(packing="yes")
    with pytest.raises(UsageError, match="batch_tokens must be at least 1"):
        TrainSettings(batch_tokens=0)
