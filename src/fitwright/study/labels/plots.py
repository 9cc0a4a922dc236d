"""The learning curves of a study: error against labelled rows, a shade for each encoder."""

from __future__ import annotations

import numpy as np

from fitwright.core.errors import CheckError
from fitwright.reporting.blocks import Figure
from fitwright.reporting.charts.curves import SHADES, Axes, Series, chart
from fitwright.scaling.prediction import loss_at
from fitwright.study.labels.curves import Curve, LearningCurves

_CURVE_POINTS, _TEN = 60, 10.0


def learning_curves(curves: LearningCurves) -> Figure:
    """Every chosen run, each law, dashed beyond the ladder as far as it is asked."""
    series = []
    for place, curve in enumerate(curves.curves):
        shade = _shade(place, len(curves.curves))
        points = tuple((float(run.rows), curves.value(run)) for run in curve.runs)
        series.append(Series(name=curve.encoder, points=points, shade=shade))
        series += _law(curve, curve.at_hand.rows, shade)
    title = f"Held-out {curves.measure} against labelled rows"
    share = "share of held-out rows that are wrong"
    axes = Axes(x="labelled rows", y=share if curves.measure == "error" else "loss, nats")
    wide, narrow = chart(title, series, axes), chart(title, series, axes, width=400, height=360)
    caption = (
        f"{title}: a dot is a run on one sample of rows, a line the encoder's law, dashed beyond the rows at "
        "hand, as far as its back-tests carry it, ten times at most."
    )
    return Figure(wide, narrow, caption)


def _law(curve: Curve, labels: int, shade: int) -> list[Series]:
    law = curve.law
    if law is None:
        return []
    end = min(curve.farthest, _TEN * labels)
    inside = np.geomspace(float(law.runs.data.min()), float(labels), _CURVE_POINTS)
    found = [Series(name="", points=_points(curve, inside), shade=shade, curve=True)]
    if end > labels:
        beyond = np.geomspace(float(labels), end, _CURVE_POINTS)
        found.append(Series(name="", points=_points(curve, beyond), shade=shade, curve=True, dashed=True))
    return found


def _points(curve: Curve, rows: np.ndarray) -> tuple[tuple[float, float], ...]:
    law = curve.law
    if law is None:
        raise CheckError(f"{curve.encoder} has no law")
    values = loss_at(law.law, law.parameters, np.full(len(rows), float(curve.parameters)), rows, rows)
    return tuple(zip(rows.tolist(), values.tolist(), strict=True))


def _shade(place: int, count: int) -> int:
    return SHADES - 1 if count == 1 else round(place * (SHADES - 1) / (count - 1))
