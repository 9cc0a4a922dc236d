"""Label more, or a bigger encoder? What the learning curves of a study say, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from fitwright.core.errors import CheckError
from fitwright.core.progress import Silent
from fitwright.scaling.bootstrap import bootstrap
from fitwright.scaling.cells import Array
from fitwright.scaling.fitted import FittedStudy
from fitwright.scaling.prediction import Prediction, loss_at
from fitwright.study.labels.curves import Curve, LearningCurves
from fitwright.study.labels.runs import LabelRow

TIMES = (2.0, 10.0)
_POINTS, _RESAMPLES = 400, 200
_Z = 1.96


@dataclass(frozen=True, kw_only=True)
class More:
    """What ``times`` the labels would do for an encoder: a prediction, or the reason why there is none."""

    times: float
    labels: int
    prediction: Prediction | None
    gain: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """An encoder at the labels at hand and at more.

    Attributes:
        measured: its run on all rows. now: the law's value there; ``None`` without a law.
    """

    curve: Curve
    measured: LabelRow
    now: float | None
    more: tuple[More, ...]


@dataclass(frozen=True, kw_only=True)
class Overtaking:
    """Where the larger of two neighbouring encoders comes to be better, as their laws have it.

    Attributes:
        labels: from so many on, up to ``high``; ``None``: the larger is better nowhere there, or everywhere,
            or not at the end.
        larger_ahead: which is better at the labels at hand, by the laws. steady: whether it is so from
            ``low`` to ``high``.
        interval: the middle 95 % of the bootstraps' crossings; ``None`` where fewer than half cross.
        share: of the bootstraps whose curves cross in that range.
        worth: labels that the one behind needs to come as far as the other is at hand; ``None``: not within
            ``high``.
        low, high: labels that both laws are asked for. reason: why there is no answer at all.
    """

    smaller: str
    larger: str
    labels: float | None = None
    larger_ahead: bool = False
    steady: bool = True
    interval: tuple[float, float] | None = None
    share: float = 0.0
    worth: float | None = None
    low: float = 0.0
    high: float = 0.0
    reason: str = ""


def promises(curves: LearningCurves) -> tuple[Promise, ...]:
    """Every encoder that was trained on all labels at hand, smallest first."""
    return tuple(_promise(curve, curves.labels) for curve in curves.ranked)


def best_at_hand(curves: LearningCurves) -> Curve:
    """The encoder with the lowest measure on all rows, of those trained on them; of equals the smaller."""
    return min(curves.ranked, key=lambda curve: (curves.value(curve.at_hand), curve.parameters))


def as_good(curves: LearningCurves) -> tuple[str, ...]:
    """Other encoders whose error the held-out rows cannot tell from the best one's (two shares, 95 %).

    Both were judged on the same rows: what is hard is hard for both, so that this test is careful.
    """
    best, rows = best_at_hand(curves).at_hand, curves.held_out
    if curves.measure != "error":
        return ()
    found = []
    for curve in curves.ranked:
        one, two = curve.at_hand.error, best.error
        spread = float(np.sqrt((one * (1 - one) + two * (1 - two)) / rows))
        if curve.at_hand.model != best.model and abs(one - two) <= _Z * spread:
            found.append(curve.encoder)
    return tuple(found)


def overtakings(curves: LearningCurves) -> tuple[Overtaking, ...]:
    """Each encoder and the next larger one, of those that were trained on all labels at hand."""
    pairs = zip(curves.ranked, curves.ranked[1:], strict=False)
    return tuple(_overtaking(small, large, curves.labels) for small, large in pairs)


def _promise(curve: Curve, labels: int) -> Promise:
    law = curve.law
    now = None if law is None else float(_at(law, np.array([float(labels)]))[0])
    more = tuple(_more(curve, labels, times, now) for times in TIMES)
    return Promise(curve=curve, measured=curve.at_hand, now=now, more=more)


def _more(curve: Curve, labels: int, times: float, now: float | None) -> More:
    make = partial(More, times=times, labels=round(labels * times))
    if curve.law is None or now is None:
        return make(prediction=None, gain=None, reason=curve.refused)
    try:
        found = curve.law.predict(size=float(curve.parameters), data=labels * times)
    except CheckError:
        most = f"{float(f'{curve.farthest:.2g}'):,.0f}"
        return make(prediction=None, gain=None, reason=f"its back-tests speak for up to {most} labels")
    return make(prediction=found, gain=now - found.loss)


def _overtaking(small: Curve, large: Curve, labels: int) -> Overtaking:
    named = partial(Overtaking, smaller=small.encoder, larger=large.encoder)
    for curve in (small, large):
        if curve.law is None:
            return named(reason=f"{curve.encoder} has no law: {curve.refused}")
    first, second = small.law, large.law
    if first is None or second is None:  # said above; for the type checker
        return named()
    low = max(float(first.runs.data.min()), float(second.runs.data.min()))
    high = min(small.farthest, large.farthest)
    if high <= low:
        return named(reason="the two laws have no amount of labels in common")
    rows = np.geomspace(low, high, _POINTS)
    better = _at(second, rows) < _at(first, rows)
    at = _crossing(rows, _at(first, rows), _at(second, rows))
    drawn = [_crossing(rows, a, b) for a, b in zip(_resampled(first, rows), _resampled(second, rows),
                                                     strict=True)]  # fmt: skip
    crossed = [value for value in drawn if value is not None]
    share = len(crossed) / len(drawn)
    ends = np.percentile(crossed, (2.5, 97.5)) if share >= 0.5 else None
    here = np.array([float(labels)])
    ahead = bool(_at(second, here)[0] < _at(first, here)[0])
    behind, target = (first, _at(second, here)[0]) if ahead else (second, _at(first, here)[0])
    reached = np.flatnonzero((_at(behind, rows) <= target) & (rows >= labels))
    return named(
        labels=at, larger_ahead=ahead, steady=bool(better.all() or not better.any()), low=low, high=high,
        share=share,
        interval=None if ends is None else (float(ends[0]), float(ends[1])),
        worth=float(rows[reached[0]]) if len(reached) else None,
    )  # fmt: skip


def _crossing(rows: Array, small: Array, large: Array) -> float | None:
    """The last amount from which on the larger is better; ``None`` where it is so everywhere or nowhere."""
    better = large < small
    if better.all() or not better[-1]:
        return None
    return float(rows[np.flatnonzero(~better)[-1] + 1])


def _at(law: FittedStudy, rows: Array) -> Array:
    size = np.full(len(rows), float(law.runs.size[0]))
    return loss_at(law.law, law.parameters, size, rows, rows)


def _resampled(law: FittedStudy, rows: Array) -> list[Array]:
    """The law's values at those rows, in each of some bootstraps."""
    cells = law.runs.cells
    near = law.law.inner(law.parameters, cells)
    drawn = bootstrap(law.law, cells, law.runs.loss, near, resamples=_RESAMPLES, seed=0, progress=Silent())
    size = np.full(len(rows), float(law.runs.size[0]))
    found = []
    for place in range(_RESAMPLES):
        values = {name: float(column[place]) for name, column in drawn.items()}
        found.append(loss_at(law.law, values, size, rows, rows))
    return found
