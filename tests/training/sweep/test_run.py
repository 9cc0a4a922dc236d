"""A sweep ends with the best run's model; killed, it trains nothing twice and ends the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from fitwright.core.progress import Silent
from fitwright.spec.manifest import Manifest
from fitwright.training.directory import read_history
from fitwright.training.job import Job
from fitwright.training.settings import TrainSettings
from fitwright.training.sweep.result import Row, SweepResult, importances
from fitwright.training.sweep.run import run_sweep
from fitwright.training.sweep.shape import shape_of, shaped_source
from fitwright.training.sweep.space import Parameter, parse_space
from fitwright.training.sweep.trial_run import SweepJob
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(
    epochs=1, batch_size=64, learning_rate=1e-4, precision="fp32", packing="off", max_length=32, patience=9,
    method="head",
)  # fmt: skip
RATE = Parameter(name="learning_rate", low=1e-5, high=2e-2, log=True)


class Steps(Silent):
    """Counts what is trained, and keeps what is said."""

    def __init__(self) -> None:
        self.steps, self.said = 0, list[str]()

    def task(self, title: str, total: float | None, unit: str = "") -> Any:
        from contextlib import nullcontext

        return nullcontext(self)

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self.steps += bool(note)

    def say(self, text: str) -> None:
        self.said.append(text)


def plain(result: SweepResult) -> Any:
    found = result.as_json()
    for row in found["rows"]:
        row.pop("seconds")
    return found


def test_a_killed_sweep_ends_as_a_whole_one_and_trains_nothing_twice(make_job: MakeJob) -> None:
    space = (RATE, Parameter(name="batch_size", choices=(32, 64)))
    given: dict[str, Any] = {"settings": SETTINGS, "space": space, "trials": 3, "shape": {}}
    counted = Steps()
    whole = run_sweep(SweepJob(job=make_job("whole"), **given), counted)
    broken = SweepJob(job=make_job("broken"), **given)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(broken, StopAfter(8))  # in the second run; the first takes 5 steps
    again = Steps()
    run_sweep(broken, again)
    assert again.steps <= counted.steps - 5
    result = SweepResult.read(whole)
    assert plain(SweepResult.read(broken.job.output)) == plain(result)
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, broken.job.output))
    assert all((one[name] == other[name]).all() for name in one)

    assert len(result.rows) == 3
    scores = [row.score for row in result.rows if row.state == "complete"]
    assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
    assert result.rows[0].change == result.rows[0].score - result.default.score  # type: ignore[operator]
    assert read_history(whole).best.score == result.rows[0].score
    chosen = Manifest.read(whole).settings
    assert {name: chosen[name] for name in result.rows[0].values} == result.rows[0].values
    assert not broken.work.exists()
    table = (whole / "sweep.md").read_text(encoding="utf-8")
    assert table.count("\n| ") == 5  # heading, rule, three runs

    last = Steps()
    run_sweep(SweepJob(job=make_job("whole"), **given), last)
    assert last.steps == 0


def test_hopeless_trials_end_early_and_impossible_ones_fail(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fitwright.training.sweep.trials import PrunedError, Trial

    pruned: list[str] = []

    def prune_one(self: Trial, points: Any) -> None:
        if not pruned and self.values["learning_rate"] < 1:
            pruned.append(str(self.number))
            raise PrunedError
        watched(self, points)

    watched = Trial.watch
    monkeypatch.setattr(Trial, "watch", prune_one)
    space = (Parameter(name="learning_rate", choices=(1e-4, 1e38)),)
    sweep = SweepJob(job=make_job(), settings=SETTINGS, space=space, trials=6, shape={})
    result = SweepResult.read(run_sweep(sweep, Silent()))
    states = {row.trial: row.state for row in result.rows}
    assert [trial for trial, state in states.items() if state == "pruned"] == pruned
    failed = [row for row in result.rows if row.state == "failed"]
    assert failed
    assert all(row.values["learning_rate"] == 1e38 and "became" in row.reason for row in failed)
    assert result.rows[0].state == "complete"


def test_a_model_without_weights_is_built_in_every_shape(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job()
    bare = tmp_path / "bare"
    shutil.copytree(job.source, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    shape = shape_of(bare)
    assert shape == {"width": 32, "heads": 2, "depth": 4}
    assert shape_of(job.source) == {}
    space = parse_space("depth=1|2,width=16|48", SETTINGS, shape)
    sweep = SweepJob(job=make_job(source=bare), settings=SETTINGS, space=space, trials=3, shape=shape)
    result = SweepResult.read(run_sweep(sweep, Silent()))
    assert result.default.values == {"depth": 4, "width": 32}
    sizes = {(row.values["depth"], row.values["width"]): row.parameters for row in result.rows}
    assert len(set(sizes.values())) == len(sizes) > 1
    wide = json.loads((shaped_source(bare, {"width": 48}, tmp_path) / "config.json").read_text())
    assert (wide["hidden_size"], wide["intermediate_size"], wide["num_hidden_layers"]) == (48, 96, 4)


def test_what_mattered_is_the_range_of_the_means() -> None:
    parameters = (RATE, Parameter(name="batch_size", choices=(32, 64)))
    grid = [(1e-5, 32, 0.5), (1e-5, 64, 0.6), (1e-2, 32, 0.8), (1e-2, 64, 0.9)]
    rows = [
        Row(trial="", values={"learning_rate": rate, "batch_size": batch}, state="complete", score=score)
        for rate, batch, score in grid
    ]
    found, method = importances(rows, parameters, [], seed=0)
    assert (list(found), method) == (["learning_rate", "batch_size"], "marginal")
    assert found["learning_rate"] == pytest.approx(0.75)
    assert importances(rows[:3], parameters, [], seed=0) == ({}, "")
