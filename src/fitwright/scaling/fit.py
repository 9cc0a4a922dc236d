"""The whole fit: form chosen on runs left out, numbers from all runs, intervals, and what is wrong with
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress, Silent
from fitwright.scaling.backtest import splits_of
from fitwright.scaling.bootstrap import bootstrap, intervals
from fitwright.scaling.choice import Candidate, applicable, candidates, choose, law_named
from fitwright.scaling.downstream import Downstream, fit_downstream
from fitwright.scaling.fitted import CandidateError, FittedStudy
from fitwright.scaling.fitting import fit_once
from fitwright.scaling.isoflop import isoflop
from fitwright.scaling.ladder import odd_runs, refuse_weak, weaknesses
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.prediction import Errors
from fitwright.scaling.runs import Runs
from fitwright.scaling.turn import turns

AUTO = "auto"
_MOST_BOOTSTRAPS = 100_000
_POOR = 0.05


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How to fit.

    Attributes:
        law: a form's name, or ``auto``: see :func:`fitwright.scaling.choice.choose`.
        bootstraps: resamples behind the intervals of the numbers; 0 leaves the intervals out.
        seed: of resamples and random folds.
        fixed: numbers that are held, for example ``{"alpha": 0.35}``; needs a ``law``.
    """

    law: str = AUTO
    bootstraps: int = 1000
    seed: int = 0
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.law != AUTO:
            law = law_named(self.law)
            for name, value in self.fixed.items():
                _check_fixed(law, name, value)
        elif self.fixed:
            raise UsageError(
                "numbers can be held for one law only", got=", ".join(self.fixed), mend="Give --law."
            )
        if not 0 <= self.bootstraps <= _MOST_BOOTSTRAPS:
            raise UsageError(
                "bootstraps out of range", got=self.bootstraps, allowed=f"0 to {_MOST_BOOTSTRAPS:,}"
            )

    def as_json(self) -> dict[str, Any]:
        return {"law": self.law, "bootstraps": self.bootstraps, "seed": self.seed, "fixed": dict(self.fixed)}


def _check_fixed(law: Law, name: str, value: float) -> None:
    if name not in law.inner_names:
        raise UsageError(
            f"the law {law.name} has no such number", got=name, allowed=", ".join(law.inner_names)
        )
    if not (np.isfinite(value) and value > 0):
        raise UsageError(f"{name} must be a positive number", got=value)


def fit_runs(
    runs: Runs, settings: FitSettings | None = None, progress: Progress | None = None
) -> FittedStudy:
    """Fit a law to runs.

    Raises:
        DataError: the runs cannot carry a law (see :func:`fitwright.scaling.ladder.refuse_weak`).
        UsageError: the law that was asked for does not apply to them.
    """
    settings, progress = settings or FitSettings(), progress or Silent()
    asked = None if settings.law == AUTO else law_named(settings.law)
    refuse_weak(runs, asked)
    cells, loss_R = runs.cells, runs.loss
    laws = _laws(runs, asked)
    splits = splits_of(cells, settings.seed)
    with progress.task("back-tests", len(laws)) as task:
        found = candidates(laws, cells, loss_R, splits, fixed=settings.fixed, progress=task)
    chosen = choose(found) if asked is None else next(c for c in found if c.law.name == asked.name)
    law = chosen.law
    solution = fit_once(law, cells, loss_R, fixed=settings.fixed)
    parameters = {name: float(value[0]) for name, value in law.public(solution.theta, cells).items()}
    ranges: dict[str, tuple[float, float]] = {}
    if settings.bootstraps:
        drawn = bootstrap(
            law, cells, loss_R, solution.theta[0], resamples=settings.bootstraps, seed=settings.seed,
            progress=progress, fixed=settings.fixed,
        )  # fmt: skip
        ranges = intervals(drawn)
    log_loss, _ = law.log_loss_and_slope(solution.theta, cells)
    residual_R = np.log(loss_R) - log_loss[0]
    at_end = _at_the_end(law, solution.theta[0], settings.fixed)
    return FittedStudy(
        law=law, parameters=parameters, intervals=ranges, objective=float(solution.objective[0]),
        heldout_error=chosen.heldout_error, heldout_scheme=chosen.scheme,
        candidates=tuple(_error_of(candidate) for candidate in found),
        warnings=(
            *runs.warnings, *weaknesses(runs), *_doubts(chosen, found), *at_end, *odd_runs(residual_R),
        ),
        runs=runs, errors=Errors.of(chosen.backtest), settings=settings.as_json(),
        isoflop=isoflop(runs), turns=turns(runs), downstream=_downstream(runs),
    )  # fmt: skip


def _downstream(runs: Runs) -> Downstream | None:
    if runs.accuracy is None:
        return None
    return fit_downstream(runs.loss, runs.accuracy, runs.accuracy_name)


def _laws(runs: Runs, asked: Law | None) -> tuple[Law, ...]:
    """The forms to try: all that apply, and the one that was asked for whatever it is."""
    if asked is not None and asked.name == "data-only":
        return (asked,)
    found = list(applicable(runs.cells))
    if asked is None and not found:
        raise UsageError(
            "no law applies to these runs: too few cells", got=len(runs), mend="Train more cells."
        )
    if asked is not None and asked.name not in [law.name for law in found]:
        if not runs.cells.repeated.any() and {"R_D", "kappa"} & set(asked.parameters):
            raise UsageError(
                "this law is about repeated data, and no run of the table repeats its data", got=asked.name,
                mend="Say which column holds the unique tokens with --unique-column NAME.",
            )  # fmt: skip
        found.append(asked)
    return tuple(found)


def _error_of(candidate: Candidate) -> CandidateError:
    return CandidateError(
        law=candidate.law.name, formula=candidate.law.formula, numbers=len(candidate.law.inner_names),
        error=candidate.heldout_error,
        by_axis={str(axis): error for axis, error in candidate.by_axis.items()},
        inside=candidate.backtest.mean_error("fold"),
    )  # fmt: skip


def _doubts(chosen: Candidate, found: Sequence[Candidate]) -> list[str]:
    said = []
    if chosen.heldout_error is None:
        said.append("nothing could be left out: how far off predictions are is unknown, and they are refused")
    elif not chosen.by_axis:
        said.append(
            "the largest runs could not be left out: predictions outside the ladder are refused, and the "
            "choice of "
            "the law went by random folds"
        )
    elif chosen.heldout_error > _POOR:
        said.append(
            f"the largest runs left out were missed by {chosen.heldout_error:.1%} on average: a rough law"
        )
    better = min(found, key=lambda c: float("inf") if c.heldout_error is None else c.heldout_error)
    if chosen.heldout_error is not None and better.heldout_error is not None:
        if better.heldout_error < 0.8 * chosen.heldout_error:
            said.append(
                f"{better.law.name} foretold the largest runs better ({better.heldout_error:.2%} against "
                f"{chosen.heldout_error:.2%})"
            )
    return said


def _at_the_end(law: Law, theta_P: Any, fixed: Mapping[str, float]) -> list[str]:
    """Numbers that ended where the search is fenced in: the runs do not determine them."""
    low, high = law.box()
    ends = (theta_P <= low + 1e-6) | (theta_P >= high - 1e-6)
    names = [n for n, end in zip(law.inner_names, ends, strict=True) if end and n not in fixed]
    return (
        [f"the runs do not determine {', '.join(names)}: the fit ran to the end of the range"]
        if names
        else []
    )
