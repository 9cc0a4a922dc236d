"""The answers of a labelled study in sentences: the terminal and the report say the same."""

from __future__ import annotations

from fitwright.core.units import format_count
from fitwright.scaling.fitted import FittedStudy
from fitwright.study.labels.answers import (
    More,
    Overtaking,
    Promise,
    as_good,
    best_at_hand,
    overtakings,
    promises,
)
from fitwright.study.labels.curves import Curve, LearningCurves

QUESTION = "Label more, or a bigger encoder?"


def figure(measure: str, value: float) -> str:
    """``12.3 %`` of an error, ``0.412`` of a loss."""
    return f"{100 * value:.1f} %" if measure == "error" else f"{value:.3f}"


def points(measure: str, value: float) -> str:
    """A difference: ``1.2 points`` of an error, ``0.041`` of a loss."""
    return f"{100 * value:.1f} points" if measure == "error" else f"{value:.3f}"


def count(labels: float) -> str:
    """``1,400`` to two figures: laws know no more."""
    return f"{float(f'{labels:.2g}'):,.0f}"


def headline(curves: LearningCurves) -> str:
    """The answer in one sentence."""
    best = best_at_hand(curves)
    value = figure(curves.measure, curves.value(best.at_hand))
    lead = f"{best.encoder} is best on the {curves.labels:,} labels at hand ({curves.measure} {value})"
    promise = next(p for p in promises(curves) if p.curve is best)
    ten = next((m for m in reversed(promise.more) if m.prediction is not None), None)
    if ten is None or ten.prediction is None or ten.gain is None:
        return f"{lead}; what more labels would buy, the ladder cannot carry"
    gain = points(curves.measure, max(0.0, ten.gain))
    return f"{lead}; {ten.times:g} times as many would take off about {gain}"


def sentences(curves: LearningCurves) -> tuple[str, ...]:
    """The whole answer: which encoder now, what more labels buy each, when the larger overtakes."""
    return (_now(curves), *(_more(curves, p) for p in promises(curves)),
            *(_overtakes(curves, pair) for pair in overtakings(curves)),
            *(_not_yet(curves, curve) for curve in curves.unranked))  # fmt: skip


def unfinished(curves: LearningCurves) -> str:
    """The warning of a study that is not trained to its end; empty of one that is."""
    left = curves.cells_left
    if not left:
        return ""
    return f"{left} cell{'s' if left > 1 else ''} of the plan not trained yet"


def _not_yet(curves: LearningCurves, curve: Curve) -> str:
    return (
        f"{curve.encoder}: no answer (not trained on the {curves.labels:,} labels at hand yet, on "
        f"{curve.at_hand.rows:,} at most)."
    )


def _now(curves: LearningCurves) -> str:
    best = best_at_hand(curves)
    low, high = curves.interval(best.at_hand)
    value = figure(curves.measure, curves.value(best.at_hand))
    span = f", 95 % {100 * low:.1f} – {100 * high:.1f} %" if curves.measure == "error" else ""
    others = as_good(curves)
    equal = (
        f" {' and '.join(others)} cannot be told from it on {curves.held_out:,} held-out rows."
        if others
        else ""
    )
    lead = f"On the {curves.labels:,} labels at hand {best.encoder} is best"
    return f"{lead}: {curves.measure} {value}{span}.{equal}"


def _more(curves: LearningCurves, promise: Promise) -> str:
    name, measure = promise.curve.encoder, curves.measure
    if promise.now is None:
        return f"{name}: no law ({promise.curve.refused})."
    parts = [_of(measure, more) for more in promise.more]
    now = figure(measure, promise.now)
    return f"{name}, {now} by its law now: {'; '.join(parts)}.{_error(promise.curve.law)}"


def _of(measure: str, more: More) -> str:
    if more.prediction is None or more.gain is None:
        return f"{more.times:g}× the labels: no answer ({more.reason})"
    low, high = more.prediction.interval
    far = ", extrapolated" if more.prediction.reach.outside else ""
    return (
        f"{more.times:g}× the labels ({more.labels:,}) buy {points(measure, max(0.0, more.gain))}, to "
        f"{figure(measure, more.prediction.loss)} ({figure(measure, low)} – {figure(measure, high)}{far})"
    )


def _error(law: FittedStudy | None) -> str:
    if law is None or law.heldout_error is None:
        return ""
    return f" Back-tested, such predictions were {100 * law.heldout_error:.1f} % off."


def _overtakes(curves: LearningCurves, pair: Overtaking) -> str:
    if pair.reason:
        return f"{pair.smaller} against {pair.larger}: no answer ({pair.reason})."
    span = f"{format_count(pair.low)} to {format_count(pair.high)} labels"
    if pair.labels is None:
        order = _steady(pair, span)
    else:
        beyond = " (extrapolated)" if pair.labels > curves.labels else ""
        between = "" if pair.interval is None else (
            f", {count(pair.interval[0])} to {count(pair.interval[1])} in 95 % of the bootstraps that cross"
        )  # fmt: skip
        order = (
            f"{pair.larger} overtakes {pair.smaller} at about {count(pair.labels)} labels{beyond}{between}"
        )
        order += f"; {pair.share:.0%} of the bootstraps cross within {span}"
    return f"{order}. {_worth(curves, pair)}"


def _steady(pair: Overtaking, span: str) -> str:
    """Who is ahead where the larger does not overtake."""
    ahead, behind = (pair.larger, pair.smaller) if pair.larger_ahead else (pair.smaller, pair.larger)
    if not pair.steady:
        return (
            f"{ahead} is ahead of {behind} at the labels at hand; the order changes within {span}, and with "
            f"most labels {pair.smaller} is ahead"
        )
    never = "" if pair.larger_ahead else ": the larger does not overtake within that range"
    return f"{ahead} is ahead of {behind} from {span}{never}"


def _worth(curves: LearningCurves, pair: Overtaking) -> str:
    behind, ahead = (pair.smaller, pair.larger) if pair.larger_ahead else (pair.larger, pair.smaller)
    if pair.worth is None:
        return (
            f"{behind} does not come as far as {ahead} is at {curves.labels:,} with up to "
            f"{format_count(pair.high)} labels: here the encoder counts, not the labels."
        )
    times = pair.worth / curves.labels
    return (
        f"To come as far as {ahead} is at {curves.labels:,}, {behind} needs about {count(pair.worth)} labels "
        f"({times:.1f}×)."
    )
