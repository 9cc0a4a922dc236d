"""Points and curves over logarithmic axes: loss against compute, size or data, a shade for each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitwright.core.units import format_count
from fitwright.reporting.charts.canvas import (
    Scale,
    axis_x,
    axis_y,
    element,
    label,
    scale_over,
    svg,
    text_width,
    tooltip,
)

SHADES = 8
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 22.0, 46.0, 48.0
_LEGEND_ROW = 18.0


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one group, or a curve.

    Attributes:
        name: in the legend and the tooltips; empty leaves it out of the legend.
        shade: 0 (light) to 7 (dark), the place of the group among its like; ``None``: the accent colour.
        curve: joined by a line, without dots; else dots alone.
        dashed: a curve of dashes: what is not measured.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    shade: int | None = None
    curve: bool = False
    dashed: bool = False
    rings: bool = False


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What stands on the axes; ``log_y`` for quantities that span decades."""

    x: str
    y: str
    log_y: bool = False


def chart(title: str, series: Sequence[Series], axes: Axes, *, width: int = 960, height: int = 400) -> str:
    """The chart as SVG. Series that share a name share a legend entry."""
    legend, rows = _legend(series, width)
    top = _TOP + rows * _LEGEND_ROW
    points = [point for one in series for point in one.points]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x = Scale(min(xs) / 1.15, max(xs) * 1.15, _LEFT, width - _RIGHT, log=True)
    if axes.log_y:
        y = Scale(min(ys) / 1.2, max(ys) * 1.2, height - _BOTTOM, top, log=True)
    else:
        y = scale_over(ys, height - _BOTTOM, top, pad=0.06)
    x_texts = _texts(x, 5 if width < 600 else 10, _power)
    y_texts = _texts(y, 8, _power if axes.log_y else lambda value: f"{value:g}")
    drawn = [_curve(one, x, y) if one.curve else _dots(one, x, y) for one in series]
    return svg(
        width, height, title, f"{axes.y} against {axes.x}: {len(points)} points", legend,
        axis_x(x, top, height - _BOTTOM, x_texts, axes.x), axis_y(y, _LEFT, width - _RIGHT, y_texts, axes.y),
        *drawn,
    )  # fmt: skip


def _texts(scale: Scale, most: int, words: Callable[[float], str]) -> list[tuple[float, str]]:
    ticks = scale.ticks(6)
    step = -(-len(ticks) // most)
    return [(tick, words(tick)) for tick in ticks[::step]]


def _power(value: float) -> str:
    """``1e21`` for large numbers, ``10M`` for those that are read as counts."""
    if value >= 1e15:
        return f"{value:.0e}".replace("e+", "e")
    return format_count(value).replace(".0", "") if value >= 1 else f"{value:g}"


def _legend(series: Sequence[Series], width: float) -> tuple[str, int]:
    shown: dict[str, Series] = {}
    for one in series:
        if one.name:
            shown.setdefault(one.name, one)
    parts, at, row = [], _LEFT, 0
    for name, one in shown.items():
        room = 30 + text_width(name, 11.5)
        if at + room > width - _RIGHT and at > _LEFT:
            at, row = _LEFT, row + 1
        y = 14.0 + row * _LEGEND_ROW
        if one.curve:
            parts.append(element("line", x1=at, x2=at + 16, y1=y - 4, y2=y - 4, class_=_line_class(one)))
        else:
            parts.append(element("circle", cx=at + 8, cy=y - 4, r=4.0, class_=_dot_class(one)))
        parts.append(label(at + 21, y, name, class_="tick"))
        at += room
    return "".join(parts), row if shown else 0


def _curve(one: Series, x: Scale, y: Scale) -> str:
    path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in one.points)
    return element("polyline", points=path, class_=_line_class(one))


def _dots(one: Series, x: Scale, y: Scale) -> str:
    class_, radius = _dot_class(one), 6.0 if one.rings else 3.2
    return "".join(
        element(
            "circle", tooltip(f"{one.name or 'run'}: {_power(a)}, {b:.4g}"), cx=x(a), cy=y(b), r=radius,
            class_=class_,
        )
        for a, b in one.points
    )  # fmt: skip


def _line_class(one: Series) -> str:
    shade = "" if one.shade is None else f" shade-{one.shade}"
    return f"line law{shade}{' dashed' if one.dashed else ''}"


def _dot_class(one: Series) -> str:
    if one.rings:
        return "dot lowest"
    return "dot law" if one.shade is None else f"dot shade-{one.shade}"
