"""Run a sweep: the default first, then the trials; the best one's model directory is the result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import folder_lock, new_directory, sha256_json, write_json, write_text
from fitwright.core.progress import Progress
from fitwright.core.units import format_seconds
from fitwright.training.directory import is_finished, read_history
from fitwright.training.history import History
from fitwright.training.job import Job, run_key, train_model
from fitwright.training.settings import TrainSettings
from fitwright.training.step import DivergedError, OutOfMemoryError
from fitwright.training.sweep.result import SWEEP_NAME, TABLE_NAME, Row, SweepResult, importances
from fitwright.training.sweep.shape import shaped_source
from fitwright.training.sweep.space import SHAPES, Parameter
from fitwright.training.sweep.table import markdown_table
from fitwright.training.sweep.trials import PrunedError, Trial, Trials


@dataclass(frozen=True, kw_only=True)
class SweepJob:
    """What a sweep is given.

    Attributes:
        job: the run that is changed; its output is the sweep's.
        settings: of the default run.
        space: what is changed.
        trials: runs, the default among them.
        shape: of a source that has a config and no weights, else nothing.
    """

    job: Job
    settings: TrainSettings
    space: tuple[Parameter, ...]
    trials: int
    shape: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.trials < 2:
            raise UsageError("a sweep needs two trials at least, the default among them", got=self.trials)

    @property
    def work(self) -> Path:
        """Where the unfinished sweep keeps its trials."""
        return self.job.output.parent / f".{self.job.output.name}.sweep"


def run_sweep(sweep: SweepJob, progress: Progress, clock: Callable[[], float] = time.monotonic) -> Path:
    """Run the trials that are missing; returns the model directory of the best, with :data:`SWEEP_NAME`.

    A finished output of the same sweep is returned as it is. An interrupted sweep goes on in the trial, and
    in the step of it, where it was.
    """
    job = sweep.job
    space = [parameter.text() for parameter in sweep.space]
    key = sha256_json([run_key(job, "sweep", sweep.settings.as_json()), space])
    whole = f"{key}-{sweep.trials}"
    if (job.output / SWEEP_NAME).is_file() and SweepResult.read(job.output).key == whole:
        progress.say(f"{job.output}: already swept, nothing to do")
        return job.output
    is_finished(job.output, whole, overwrite=job.overwrite)
    with folder_lock(sweep.work):
        runner = _Runner(sweep, sweep.work / key[:16], progress)
        runner.run_default()
        started, first = clock(), runner.done
        while runner.done < sweep.trials:
            new = runner.done - first
            left = (clock() - started) / new * (sweep.trials - runner.done) if new else None
            runner.run_next("" if left is None else f", about {format_seconds(left)} left")
        result = _result(sweep, runner, whole)
        with new_directory(job.output) as work:
            shutil.copytree(runner.folder_of(result.best), work, dirs_exist_ok=True)
            write_json(work / SWEEP_NAME, result.as_json())
            write_text(work / TABLE_NAME, markdown_table(result, job.metric))
    shutil.rmtree(sweep.work, ignore_errors=True)
    return job.output


class _Runner:
    """The default run and the trials, in a work folder."""

    def __init__(self, sweep: SweepJob, work: Path, progress: Progress) -> None:
        self.sweep, self.work, self.progress = sweep, work, progress
        work.mkdir(parents=True, exist_ok=True)
        self.metric = sweep.job.metric
        self.trials = Trials(
            work, sweep.space, higher_is_better=self.metric.higher_is_better, seed=sweep.settings.seed
        )
        self.default: Row | None = None

    @property
    def done(self) -> int:
        """Runs that came to an end, the default among them."""
        return 1 + sum(trial.state.is_finished() for trial in self._proposed())

    def rows(self) -> list[Row]:
        """Of the default run and all trials that came to an end."""
        found = [_row(trial) for trial in self._proposed() if trial.state.is_finished()]
        return [*([self.default] if self.default is not None else []), *found]

    def folder_of(self, trial: str) -> Path:
        """The model directory of a trial."""
        return self.work / (trial if trial == "default" else f"trial-{trial}")

    def run_default(self) -> None:
        """The run without changes, which the others are compared with."""
        sweep = self.sweep
        self.progress.say(f"run 1 of {sweep.trials}: default")
        history = self._train("default", {}, None)
        values = {parameter.name: self._given(parameter.name) for parameter in sweep.space}
        self.default = Row(
            trial="default", values=values, state="complete", score=history.best.score,
            loss=history.best.validation_loss, change=0.0,
            epochs=len(history.points), seconds=history.seconds, parameters=history.total_parameters,
        )  # fmt: skip
        inside = all(parameter.holds(values[parameter.name]) for parameter in sweep.space)
        if inside and not any(trial.user_attrs.get("given") for trial in self.trials.all):
            self.trials.add(values, history)

    def run_next(self, left: str) -> None:
        """The next trial, to whatever end."""
        trial = self.trials.next()
        told = ", ".join(f"{name}={_short(value)}" for name, value in trial.values.items())
        self.progress.say(f"run {self.done + 1} of {self.sweep.trials}{left}: trial {trial.number}, {told}")
        reached: list[Any] = []

        def watch(points: Sequence[Any]) -> None:
            reached[:] = points
            trial.watch(points)

        name = str(trial.number)
        try:
            history = self._train(name, trial.values, watch)
        except PrunedError:
            self.progress.say(f"  ended after epoch {len(reached)}: below the median of the trials before")
            trial.prune(epochs=len(reached), seconds=sum(point.seconds for point in reached))
        except (DivergedError, OutOfMemoryError, UsageError) as error:
            self.progress.say(f"  failed: {error}")
            trial.fail(reason=str(error))
        else:
            self._complete(trial, history)
        self._keep_best()

    def _complete(self, trial: Trial, history: History) -> None:
        trial.complete(
            history.best.score, loss=history.best.validation_loss, epochs=len(history.points),
            seconds=history.seconds,
            parameters=history.total_parameters,
        )  # fmt: skip
        assert self.default is not None and self.default.score is not None  # noqa: S101, PT018
        text = self.metric.text
        change = history.best.score - self.default.score
        sign = "+" if change >= 0 else "-"
        self.progress.say(f"  {self.metric.name} {text(history.best.score)} ({sign}{text(abs(change))})")

    def _train(self, name: str, values: Mapping[str, Any], watch: Any) -> History:
        sweep = self.sweep
        changed = {k: v for k, v in values.items() if k not in SHAPES}
        settings, output = sweep.settings.but(**changed), self.folder_of(name)
        job = replace(sweep.job, output=output, overwrite=True, watch=watch)
        if sweep.shape:
            shape = {k: v for k, v in values.items() if k in SHAPES}
            source = shaped_source(sweep.job.source, shape, self.work / "sources")
            job = replace(job, source=source)
        return read_history(train_model(job, settings, self.progress))

    def _given(self, name: str) -> Any:
        return self.sweep.shape[name] if name in SHAPES else getattr(self.sweep.settings, name)

    def _proposed(self) -> list[Any]:
        return [trial for trial in self.trials.all if not trial.user_attrs.get("given")]

    def _keep_best(self) -> None:
        """Delete what a trial left that is not the best so far; the default's model stays to the end."""
        best = ranked(self.rows(), higher_is_better=self.metric.higher_is_better)[0].trial
        for trial in self._proposed():
            name = str(trial.number)
            if name != best:
                shutil.rmtree(self.folder_of(name), ignore_errors=True)
                shutil.rmtree(self.work / f".trial-{name}.unfinished", ignore_errors=True)


def ranked(rows: Sequence[Row], *, higher_is_better: bool) -> list[Row]:
    """Complete runs first, best first; of equals that of the lower loss. Then pruned, then failed ones."""
    sign = -1 if higher_is_better else 1
    states = {"complete": 0, "pruned": 1, "failed": 2}
    return sorted(rows, key=lambda row: (states[row.state], sign * (row.score or 0.0), row.loss or 0.0))


def _row(trial: Any) -> Row:
    told = trial.user_attrs
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
    score = trial.value
    if state == "pruned":
        values = trial.intermediate_values
        score = values[max(values)] if values else None
    return Row(
        trial=str(trial.number), values=dict(trial.params), state=state, score=score,  # type: ignore[arg-type]
        loss=told.get("loss"), epochs=told.get("epochs", 0), seconds=told.get("seconds", 0.0),
        parameters=told.get("parameters", 0), reason=told.get("reason", ""),
    )  # fmt: skip


def _result(sweep: SweepJob, runner: _Runner, key: str) -> SweepResult:
    default = runner.default.score if runner.default is not None else None
    rows = [
        replace(row, change=None if row.score is None or default is None else row.score - default)
        for row in ranked(runner.rows(), higher_is_better=runner.metric.higher_is_better)
    ]
    importance, method = importances(rows, sweep.space, runner.trials.all, sweep.settings.seed)
    return SweepResult(
        key=key, metric=runner.metric.name, share=runner.metric.share,
        space=tuple(parameter.text() for parameter in sweep.space), rows=tuple(rows), best=rows[0].trial,
        importance=importance, importance_method=method,
    )  # fmt: skip


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
