"""The training stage on real sentences: it learns, resumes to the same bits, never leaves half a result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from fitwright.core.errors import RunError, UsageError
from fitwright.core.progress import Silent, Task
from fitwright.spec.manifest import Manifest
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(epochs=2, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0)


class StopAfter(Silent):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    @contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:
        yield self

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if not note:  # the position that a resumed run starts from
            return
        self.steps -= 1
        if self.steps < 0:
            raise KeyboardInterrupt


def test_a_model_directory_comes_out_that_transformers_loads(make_job: MakeJob) -> None:
    from transformers import pipeline

    job = make_job()
    folder = train_model(job, SETTINGS, Silent())
    manifest, history = Manifest.read(folder), read_history(folder)
    assert manifest.labels == ("negative", "positive")
    assert manifest.data["fingerprint"] == job.data.source.fingerprint
    assert sum(manifest.data["split_rows"]) == 400
    assert manifest.settings["learning_rate"] == 5e-3
    assert len(history.points) == 2
    assert history.points[1].train_loss < history.points[0].train_loss
    assert list((folder / "runs").glob("events.out.*"))
    assert "pipeline_tag: text-classification" in (folder / "README.md").read_text()
    assert pipeline("text-classification", model=str(folder))("a fine film")[0]["label"] in manifest.labels


@pytest.mark.parametrize("steps", [0, 3, 9, 13])
def test_an_interrupted_run_ends_with_the_same_bits(make_job: MakeJob, steps: int) -> None:
    whole = train_model(make_job("whole"), SETTINGS, Silent())
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(job, SETTINGS, StopAfter(steps))
    assert not job.output.exists()
    resumed = train_model(job, SETTINGS, Silent())
    expected, found = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all((expected[name] == found[name]).all() for name in expected)
    assert not job.work.exists()


def test_the_same_command_again_trains_nothing(make_job: MakeJob) -> None:
    job = make_job()
    folder = train_model(job, SETTINGS, Silent())
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    train_model(job, SETTINGS, StopAfter(0))
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_another_result_is_never_overwritten_unasked(make_job: MakeJob) -> None:
    job = make_job()
    train_model(job, SETTINGS, Silent())
    with pytest.raises(UsageError, match="--overwrite"):
        train_model(job, SETTINGS.but(seed=7), Silent())
    train_model(replace(job, overwrite=True), SETTINGS.but(seed=7), Silent())
    assert Manifest.read(job.output).seed == 7


def test_a_run_that_stops_improving_ends_early_with_its_best_epoch(make_job: MakeJob) -> None:
    settings = SETTINGS.but(epochs=12, learning_rate=1e-9, patience=2)
    folder = train_model(make_job(), settings, Silent())
    history = read_history(folder)
    assert history.stopped_early
    assert len(history.points) == history.best_epoch + 3


def test_a_loss_that_is_no_number_is_explained(make_job: MakeJob) -> None:
    with pytest.raises(RunError, match="learning-rate"):
        train_model(make_job(), SETTINGS.but(learning_rate=1e20), Silent())


@pytest.mark.parametrize("name", ["state.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_named(make_job: MakeJob, name: str) -> None:
    job = make_job()
    with pytest.raises(KeyboardInterrupt):
        train_model(job, SETTINGS, StopAfter(3))
    state = next(job.work.rglob(name))
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(RunError, match=r"damaged.*Delete that folder"):
        train_model(job, SETTINGS, Silent())


def test_a_checkpoint_holds_no_pickle(make_job: MakeJob) -> None:
    job = make_job()
    with pytest.raises(KeyboardInterrupt):
        train_model(job, SETTINGS, StopAfter(3))
    names = {path.name for path in job.work.rglob("*") if path.is_file()}
    assert {"state.safetensors", "state.json"} <= names
    assert not [name for name in names if name.endswith((".pt", ".bin", ".pkl"))]
    counters = json.loads(next(job.work.rglob("state.json")).read_text())
    assert counters["step_in_epoch"] > 0


def test_two_commands_never_share_a_folder(make_job: MakeJob) -> None:
    from fitwright.core.files import folder_lock

    job = make_job()
    with folder_lock(job.work), pytest.raises(RunError, match="another fitwright command"):
        train_model(job, SETTINGS, Silent())


def test_settings_refuse_nonsense() -> None:
    for change in (
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"dropout": 1.0},
        {"precision": "fp8"},
        {"epoch": 3},
    ):
        with pytest.raises(UsageError):
            TrainSettings().but(**change)


def test_every_layout_of_a_path_is_found(tmp_path: Path, tiny_model_dir: Path) -> None:
    from fitwright.modeling.sources import resolve_source

    assert resolve_source(str(tiny_model_dir)) == tiny_model_dir
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"config\.json"):
        resolve_source(str(tmp_path / "empty"))
