"""The trials of a sweep, kept in a file: Optuna proposes, and a sweep that was killed goes on where it was.

Each proposal follows from the seed, its number and the results before it alone, so an interruption changes
nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.optional import require
from fitwright.training.history import History, Point
from fitwright.training.sweep.space import Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_FILE = "trials.jsonl"
_RANDOM_TRIALS, _NEVER_PRUNED = 5, 3
"""Trials before the sampler learns from the others; complete ones before any is ended early."""


class PrunedError(Exception):
    """A trial was ended early."""


class Trials:
    """The study of one sweep; what it is told is on the disk when the call returns."""

    def __init__(
        self, folder: Path, parameters: Sequence[Parameter], *, higher_is_better: bool, seed: int,
        first: bool = True, parallel: bool = False,
    ) -> None:  # fmt: skip
        """Open the file, or make it.

        Args:
            folder: where it is.
            parameters: what is changed.
            higher_is_better: of two scores.
            seed: of the proposals.
            first: whether nobody else uses the file yet.
            parallel: whether trials are proposed while others run; those then count as bad, so that the
                next ones lie elsewhere.
        """
        self._optuna, self._seed, self._parallel = require("optuna"), seed, parallel
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        self._space = {parameter.name: _distribution(parameter) for parameter in parameters}
        backend = require("optuna.storages.journal").JournalFileBackend(str(folder / _FILE))
        for lock in folder.glob(f"{_FILE}.lock*") if first else ():  # of a sweep that was killed
            lock.unlink()
        with _quiet():
            self._study = self._optuna.create_study(
                storage=self._optuna.storages.JournalStorage(backend), study_name="sweep",
                load_if_exists=True, sampler=self._sampler(0),
                direction="maximize" if higher_is_better else "minimize",
                pruner=self._optuna.pruners.MedianPruner(n_startup_trials=_NEVER_PRUNED),
            )  # fmt: skip

    @property
    def all(self) -> list[FrozenTrial]:
        """Every trial so far, in order."""
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return trials

    def add(self, values: Mapping[str, Any], history: History) -> None:
        """Let the sampler know of a run whose settings were given, not proposed."""
        scores = {point.epoch: point.score for point in history.points}
        made = self._optuna.trial.create_trial(
            params=dict(values), distributions=self._space, value=history.best.score,
            intermediate_values=scores, user_attrs={"given": True},
        )  # fmt: skip
        self._study.add_trial(made)

    def next(self, running: Collection[int] = ()) -> Trial:
        """The trial that was under way when the sweep was interrupted, else a new one; not in ``running``."""
        for found in self.all:
            if not found.state.is_finished() and found.number not in running:
                return self.numbered(found.number)
        with _quiet():
            self._study.sampler = self._sampler(len(self.all))
            return Trial(self._study, self._study.ask(), self._space, self._optuna)

    def numbered(self, number: int) -> Trial:
        """A trial that was proposed already and has not ended."""
        with _quiet():
            trial = self._optuna.trial.Trial(self._study, self.all[number]._trial_id)
            return Trial(self._study, trial, self._space, self._optuna)

    def _sampler(self, number: int) -> Any:
        return self._optuna.samplers.TPESampler(
            seed=self._seed + number, n_startup_trials=_RANDOM_TRIALS, constant_liar=self._parallel
        )


class Trial:
    """One trial under way. ``values``: what it changes, by name."""

    def __init__(self, study: Any, trial: Any, space: Mapping[str, BaseDistribution], optuna: Any) -> None:
        self._study, self._trial, self._optuna = study, trial, optuna
        self.number: int = trial.number
        self.values: dict[str, Any] = {
            name: trial._suggest(name, distribution) for name, distribution in space.items()
        }

    def watch(self, points: Sequence[Point]) -> None:
        """Tell of epochs that it was not told of yet.

        Raises:
            PrunedError: at this epoch the best score so far is worse than the median of the trials before.
        """
        known = self._study.get_trials(deepcopy=False)[self.number].intermediate_values
        for point in points:
            if point.epoch not in known:
                self._trial.report(point.score, point.epoch)
        if self._trial.should_prune():
            raise PrunedError

    def complete(self, score: float, **told: Any) -> None:
        """Trained to its end."""
        self._end(self._optuna.trial.TrialState.COMPLETE, score, told)

    def prune(self, **told: Any) -> None:
        """Ended early."""
        self._end(self._optuna.trial.TrialState.PRUNED, None, told)

    def fail(self, **told: Any) -> None:
        """Came to nothing."""
        self._end(self._optuna.trial.TrialState.FAIL, None, told)

    def _end(self, state: Any, score: float | None, told: Mapping[str, Any]) -> None:
        for name, value in told.items():
            self._trial.set_user_attr(name, value)
        self._study.tell(self.number, score, state=state)


def _distribution(parameter: Parameter) -> BaseDistribution:
    distributions = require("optuna.distributions")
    if parameter.choices:
        made: BaseDistribution = distributions.CategoricalDistribution(parameter.choices)
    elif isinstance(parameter.low, int) and isinstance(parameter.high, int):
        made = distributions.IntDistribution(parameter.low, parameter.high, log=parameter.log)
    else:
        made = distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    return made


@contextlib.contextmanager
def _quiet() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
