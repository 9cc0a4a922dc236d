"""Run a sweep: the default first, then the trials; the best one's model directory is the result."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import folder_lock, new_directory, sha256_json, write_json, write_text
from fitwright.core.progress import Progress
from fitwright.core.ray_cluster import Cluster, cpus_of, on_cluster
from fitwright.core.ray_tasks import side_by_side
from fitwright.core.units import format_seconds
from fitwright.training.directory import is_finished, read_history
from fitwright.training.history import History
from fitwright.training.job import run_key, unfinished
from fitwright.training.sweep.result import SWEEP_NAME, TABLE_NAME, Row, SweepResult, importances
from fitwright.training.sweep.space import SHAPES
from fitwright.training.sweep.table import markdown_table
from fitwright.training.sweep.trial_run import (
    SweepJob,
    folder_of,
    run_elsewhere,
    run_trial,
    source_of,
    train_changed,
    trials_of,
)
from fitwright.training.sweep.trials import Trial


def run_sweep(
    sweep: SweepJob, progress: Progress, clock: Callable[[], float] = time.monotonic,
    cluster: Cluster | None = None,
) -> Path:  # fmt: skip
    """Run the trials that are missing; returns the model directory of the best, with :data:`SWEEP_NAME`.

    A finished output of the same sweep is returned as it is. An interrupted sweep goes on in the trial, and
    in the step of it, where it was.

    Args:
        sweep: what to run.
        progress: is told.
        clock: for the time left.
        cluster: where to run trials side by side; here, one after the other, without.
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
        runner = _Runner(sweep, sweep.work / key[:16], progress, clock, parallel=cluster is not None)
        if cluster is None:
            runner.run_here()
        else:
            runner.run_on(cluster)
        result = _result(sweep, runner, whole)
        with new_directory(job.output) as work:
            shutil.copytree(folder_of(runner.work, result.best), work, dirs_exist_ok=True)
            write_json(work / SWEEP_NAME, result.as_json())
            write_text(work / TABLE_NAME, markdown_table(result, job.metric))
    shutil.rmtree(sweep.work, ignore_errors=True)
    return job.output


class _Runner:
    """The default run and the trials, in a work folder."""

    def __init__(
        self, sweep: SweepJob, work: Path, progress: Progress, clock: Callable[[], float], *, parallel: bool
    ) -> None:
        self.sweep, self.work, self.progress, self.clock = sweep, work, progress, clock
        work.mkdir(parents=True, exist_ok=True)
        self.metric = sweep.job.metric
        self.trials = trials_of(sweep, work, parallel=parallel)
        self.default: Row | None = None
        self.running: set[int] = set()
        self.started, self.first = clock(), 0

    @property
    def done(self) -> int:
        """Runs that came to an end, the default among them."""
        return 1 + sum(trial.state.is_finished() for trial in self._proposed())

    def rows(self) -> list[Row]:
        """Of the default run and all trials that came to an end."""
        found = [_row(trial) for trial in self._proposed() if trial.state.is_finished()]
        return [*([self.default] if self.default is not None else []), *found]

    def run_here(self) -> None:
        """Everything that is missing, one run after the other."""
        self._begin_default()
        self._add_default(train_changed(self.sweep, self.work, "default", {}, None, self.progress))
        while self.done < self.sweep.trials:
            trial = self._begin()
            run_trial(self.sweep, self.work, trial, self.progress)
            self._end(trial.number)

    def run_on(self, cluster: Cluster) -> None:
        """Everything that is missing, trials side by side; the default first, to compare with."""
        work = functools.partial(run_elsewhere, self.sweep, self.work)
        with on_cluster(cluster.address) as ray:
            most = cluster.workers or cpus_of(ray)

            def answers(items: Iterator[str]) -> Iterator[tuple[str, Any]]:
                return side_by_side(ray, work, items, most=most, cpus=1, hear=lambda *_: None)

            self._begin_default()
            for _ in answers(iter(["default"])):
                self._add_default(read_history(folder_of(self.work, "default")))
            for trial, _ in answers(self._numbers()):
                self._end(int(trial))

    def _numbers(self) -> Iterator[str]:
        """Of the trials to run next; each follows from what is known when it is asked for."""
        while self.done + len(self.running) < self.sweep.trials:
            yield str(self._begin().number)

    def _begin_default(self) -> None:
        self.progress.say(f"run 1 of {self.sweep.trials}: default")

    def _add_default(self, history: History) -> None:
        """Note the run without changes, which the others are compared with."""
        sweep = self.sweep
        values = {parameter.name: self._given(parameter.name) for parameter in sweep.space}
        self.default = Row(
            trial="default", values=values, state="complete", score=history.best.score,
            loss=history.best.validation_loss, change=0.0,
            epochs=len(history.points), seconds=history.seconds, parameters=history.total_parameters,
        )  # fmt: skip
        inside = all(parameter.holds(values[parameter.name]) for parameter in sweep.space)
        if inside and not any(trial.user_attrs.get("given") for trial in self.trials.all):
            self.trials.add(values, history)
        self.started, self.first = self.clock(), self.done

    def _begin(self) -> Trial:
        """The next trial, announced."""
        trial = self.trials.next(self.running)
        self.running.add(trial.number)
        with contextlib.suppress(UsageError):  # the trial itself will fail with that
            source_of(self.sweep, self.work, trial.values)  # here: two workers would make the same at once
        told = ", ".join(f"{name}={_short(value)}" for name, value in trial.values.items())
        new, missing = self.done - self.first, self.sweep.trials - self.done
        seconds = (self.clock() - self.started) / new * missing if new else None
        left = "" if seconds is None else f", about {format_seconds(seconds)} left"
        run = self.done + len(self.running)
        self.progress.say(f"run {run} of {self.sweep.trials}{left}: trial {trial.number}, {told}")
        return trial

    def _end(self, number: int) -> None:
        """Say what came of a trial, and keep the best model alone."""
        self.running.discard(number)
        row = _row(self.trials.all[number])
        which = f"trial {number}: " if self.running else ""
        if row.state == "pruned":
            self.progress.say(
                f"  {which}ended after epoch {row.epochs}: below the median of the trials before"
            )
        elif row.state == "failed":
            self.progress.say(f"  {which}failed: {row.reason}")
        else:
            assert self.default is not None and self.default.score is not None  # noqa: S101, PT018
            change, text = (row.score or 0.0) - self.default.score, self.metric.text
            sign = "+" if change >= 0 else "-"
            self.progress.say(
                f"  {which}{self.metric.name} {text(row.score or 0.0)} ({sign}{text(abs(change))})"
            )
        self._keep_best()

    def _given(self, name: str) -> Any:
        return self.sweep.shape[name] if name in SHAPES else getattr(self.sweep.settings, name)

    def _proposed(self) -> list[Any]:
        return [trial for trial in self.trials.all if not trial.user_attrs.get("given")]

    def _keep_best(self) -> None:
        """Delete what a trial left that is not the best so far; the default's model stays to the end."""
        best = ranked(self.rows(), higher_is_better=self.metric.higher_is_better)[0].trial
        for trial in self._proposed():
            folder = folder_of(self.work, str(trial.number))
            if trial.state.is_finished() and str(trial.number) != best:
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(unfinished(folder), ignore_errors=True)


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
