"""The questions that a study answers: best size for compute and data at hand, for ten times more, and
smaller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fitwright.core.errors import CheckError
from fitwright.core.units import format_count
from fitwright.scaling.fitted import FittedStudy
from fitwright.scaling.frontier import WITHIN, Best
from fitwright.scaling.prediction import Prediction

_TIMES = 10.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question, its best point with the predicted interval, or why there is none."""

    question: str
    best: Best | None
    prediction: Prediction | None
    reason: str = ""


def answers(study: FittedStudy) -> tuple[Answer, ...]:
    """For the compute of the largest run, and where runs repeat their data for the most that shows a turn."""
    frontier, runs = study.frontier, study.runs
    flops = float(runs.flops.max())
    percent = f"{100 * WITHIN:g} %"
    compute = [
        _ask(
            study, f"Best for {_flops(flops)} FLOPs, the largest run's", lambda: frontier.for_compute(flops)
        ),
        _ask(
            study,
            f"Smallest within {percent} of that",
            lambda: frontier.for_compute(flops, within=WITHIN),
        ),
        _ask(study, "Ten times the compute", lambda: frontier.for_compute(_TIMES * flops)),
    ]
    seen = [turn for turn in (study.turns.turns if study.turns else ()) if turn.turned]
    if not seen:
        return tuple(compute)
    unique = seen[-1].unique
    data = [
        _ask(
            study,
            f"Best for {format_count(unique)} unique tokens, however long",
            lambda: frontier.for_data(unique),
        ),
        _ask(study, f"Smallest within {percent} of that", lambda: frontier.for_data(unique, within=WITHIN)),
        _ask(study, "Ten times the data", lambda: frontier.for_data(_TIMES * unique)),
    ]
    return (*data, *compute)


def _ask(study: FittedStudy, question: str, find: Callable[[], Best]) -> Answer:
    try:
        best = find()
        prediction = study.predict(size=best.size, data=best.data, unique=best.unique)
    except CheckError as error:
        return Answer(question=question, best=None, prediction=None, reason=error.what)
    if best.bound:
        reason = "no answer: the law's loss still falls at the largest size that the back-tests carry"
        return Answer(question=question, best=None, prediction=None, reason=reason)
    return Answer(question=question, best=best, prediction=prediction)


def _flops(value: float) -> str:
    return f"{value:.2g}".replace("e+", "e")
