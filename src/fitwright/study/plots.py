"""The plots of a study: loss against compute, against size at each budget, and the best size against
compute."""

from __future__ import annotations

import numpy as np

from fitwright.core.units import format_count
from fitwright.reporting.blocks import Figure
from fitwright.reporting.charts.curves import SHADES, Axes, Series, chart
from fitwright.scaling.cells import FLOPS_PER_PARAMETER_AND_TOKEN, Array
from fitwright.scaling.fitted import FittedStudy
from fitwright.scaling.isoflop import BIAS
from fitwright.scaling.prediction import farthest, loss_at

_CURVE_POINTS = 60
_MOST_LEVELS = SHADES
_TEN = 10.0


def loss_against_compute(study: FittedStudy) -> Figure:
    """Every run, shaded by size, and the lowest loss that the law gives for each compute."""
    runs = study.runs
    groups = np.array_split(np.unique(runs.size), min(SHADES, len(np.unique(runs.size))))
    series = []
    for place, sizes in enumerate(groups):
        inside = (runs.size >= sizes.min()) & (runs.size <= sizes.max())
        points = tuple(zip(runs.flops[inside].tolist(), runs.loss[inside].tolist(), strict=True))
        series.append(Series(name=_range(sizes), points=points, shade=_shade(place, len(groups))))
    budgets = np.geomspace(runs.flops.min(), runs.flops.max() * _beyond(study), _CURVE_POINTS)
    best = study.frontier.curve(budgets)
    measured, beyond = _parted([(b.flops, b.loss) for b in best], float(runs.flops.max()))
    if len(measured) > 1:
        series.append(Series(name="best of the law", points=measured, curve=True))
    if len(beyond) > 1:
        series.append(Series(name="best, extrapolated", points=beyond, curve=True, dashed=True))
    axes = Axes(x="training FLOPs (6·N·D)", y="loss, nats a token")
    return _figure(
        "Loss against compute",
        series,
        axes,
        "A dot is a run, its colour its number of parameters; the line is the lowest loss of the law for "
        "each "
        "compute, dashed beyond the ladder.",
    )


def loss_against_size(study: FittedStudy) -> Figure | None:
    """IsoFLOP curves: at each budget the runs, the law, and the parabola's lowest point."""
    found = study.isoflop
    if found is None:
        return None
    runs, series = study.runs, []
    step = -(-len(found.levels) // _MOST_LEVELS)
    levels = found.levels[::-1][::step][::-1]
    for place, level in enumerate(levels):
        near = (np.abs(np.log(runs.flops / level.flops)) < 0.1) & ~runs.cells.repeated
        points = tuple(sorted(zip(runs.size[near].tolist(), runs.loss[near].tolist(), strict=True)))
        shade = _shade(place, len(levels))
        series.append(Series(name=f"{level.flops:.1e} FLOPs".replace("e+", "e"), points=points, shade=shade))
        size = np.geomspace(runs.size[near].min(), runs.size[near].max(), 40)
        data = level.flops / (FLOPS_PER_PARAMETER_AND_TOKEN * size)
        loss = loss_at(study.law, study.parameters, size, data, data)
        curve = tuple(zip(size.tolist(), loss.tolist(), strict=True))
        series.append(Series(name="", points=curve, shade=shade, curve=True))
    lowest = tuple((level.best, level.lowest) for level in levels if level.inside)
    if lowest:
        series.append(Series(name="lowest point of a parabola", points=lowest, rings=True))
    return _figure(
        "Loss against size",
        series,
        Axes(x="parameters N", y="loss, nats a token"),
        f"Dots are runs of one budget, lines the law at that budget. {BIAS[:1].upper()}{BIAS[1:]}.",
    )


def size_against_compute(study: FittedStudy) -> Figure | None:
    """The frontier: the best size for each compute."""
    runs = study.runs
    budgets = np.geomspace(runs.flops.min(), runs.flops.max() * _beyond(study), _CURVE_POINTS)
    best = [b for b in study.frontier.curve(budgets) if not b.bound]
    inside, beyond = _parted([(b.flops, b.size) for b in best], float(runs.flops.max()))
    series = [
        Series(name="runs", points=tuple(zip(runs.flops.tolist(), runs.size.tolist(), strict=True)), shade=0)
    ]
    if len(inside) > 1:
        series.append(Series(name="best of the law", points=inside, curve=True))
    if len(beyond) > 1:
        series.append(Series(name="best, extrapolated", points=beyond, curve=True, dashed=True))
    if study.isoflop is not None:
        lowest = tuple((level.flops, level.best) for level in study.isoflop.levels if level.inside)
        series.append(Series(name="lowest point of a parabola", points=lowest, rings=True))
    if len(series) == 1:
        return None
    return _figure(
        "Best size against compute",
        series,
        Axes(x="training FLOPs (6·N·D)", y="parameters N", log_y=True),
        "The size with the lowest loss for each compute, one pass over new data; dots are the runs.",
    )


def _figure(title: str, series: list[Series], axes: Axes, caption: str) -> Figure:
    wide, narrow = chart(title, series, axes), chart(title, series, axes, width=400, height=360)
    return Figure(wide, narrow, caption)


_Points = tuple[tuple[float, float], ...]


def _parted(points: list[tuple[float, float]], end: float) -> tuple[_Points, _Points]:
    """What lies inside the ladder, and what beyond, joined to it."""
    inside = [point for point in points if point[0] <= end]
    beyond = [point for point in points if point[0] > end]
    return tuple(inside), (*inside[-1:], *beyond) if beyond else ()


def _beyond(study: FittedStudy) -> float:
    """How far beyond the ladder the curves are drawn: tenfold, or as far as predictions are given."""
    return min(_TEN, farthest(study.errors, "compute"))


def _shade(place: int, count: int) -> int:
    return SHADES - 1 if count == 1 else round(place * (SHADES - 1) / (count - 1))


def _range(sizes: Array) -> str:
    low, high = format_count(float(sizes.min())), format_count(float(sizes.max()))
    return low if low == high else f"{low} to {high}"
