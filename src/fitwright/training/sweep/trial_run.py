"""What a sweep is given, and one run of it: with changed settings, to whatever end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import wait_for_lock
from fitwright.core.progress import Progress, Silent
from fitwright.training.directory import read_history
from fitwright.training.history import History
from fitwright.training.job import Job, train_model, unfinished
from fitwright.training.settings import TrainSettings
from fitwright.training.step import DivergedError, OutOfMemoryError
from fitwright.training.sweep.shape import shaped_source
from fitwright.training.sweep.space import SHAPES, Parameter
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


def folder_of(work: Path, trial: str) -> Path:
    """The model directory of a trial, or of ``default``."""
    return work / (trial if trial == "default" else f"trial-{trial}")


def train_changed(
    sweep: SweepJob, work: Path, trial: str, values: Mapping[str, Any], watch: Any, progress: Progress
) -> History:
    """Train with those settings, or go on where that was interrupted."""
    settings = sweep.settings.but(**{k: v for k, v in values.items() if k not in SHAPES})
    job = replace(
        sweep.job, source=source_of(sweep, work, values), output=folder_of(work, trial), overwrite=True,
        watch=watch,
    )  # fmt: skip
    return read_history(train_model(job, settings, progress))


def source_of(sweep: SweepJob, work: Path, values: Mapping[str, Any]) -> Path:
    """What a run with those values starts from; made where it is missing.

    Raises:
        UsageError: there is no model of that shape.
    """
    if not sweep.shape:
        return sweep.job.source
    shape = {k: v for k, v in values.items() if k in SHAPES}
    return shaped_source(sweep.job.source, shape, work / "sources")


def run_trial(sweep: SweepJob, work: Path, trial: Trial, progress: Progress) -> None:
    """Train a trial to whatever end, and write that down in the file of trials."""
    reached: list[Any] = []

    def watch(points: Sequence[Any]) -> None:
        reached[:] = points
        trial.watch(points)

    try:
        history = train_changed(sweep, work, str(trial.number), trial.values, watch, progress)
    except PrunedError:
        trial.prune(epochs=len(reached), seconds=sum(point.seconds for point in reached))
    except (DivergedError, OutOfMemoryError, UsageError) as error:
        trial.fail(reason=str(error))
    else:
        trial.complete(
            history.best.score, loss=history.best.validation_loss, epochs=len(history.points),
            seconds=history.seconds, parameters=history.total_parameters,
        )  # fmt: skip


def run_elsewhere(sweep: SweepJob, work: Path, trial: str, tell: Any) -> None:  # noqa: ARG001
    """In a worker of a cluster, which sees ``work`` too: the trial of that number, or ``default``."""
    wait_for_lock(unfinished(folder_of(work, trial)))
    if trial == "default":
        train_changed(sweep, work, trial, {}, None, Silent())
        return
    trials, number = trials_of(sweep, work, first=False), int(trial)
    if not trials.all[number].state.is_finished():  # it is where a worker died after the last word
        run_trial(sweep, work, trials.numbered(number), Silent())


def trials_of(sweep: SweepJob, work: Path, *, first: bool = True, parallel: bool = False) -> Trials:
    """The trials of a sweep; see :class:`Trials`."""
    return Trials(
        work, sweep.space, higher_is_better=sweep.job.metric.higher_is_better, seed=sweep.settings.seed,
        first=first, parallel=parallel,
    )  # fmt: skip
