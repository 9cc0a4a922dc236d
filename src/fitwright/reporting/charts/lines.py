"""Training curves: one panel of losses, one of validation accuracy."""

from __future__ import annotations

from collections.abc import Sequence
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
    tooltip,
)

MOST_POINTS = 160


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named line of (step, value) points; ``dots`` marks each of them."""

    name: str
    class_: str
    points: tuple[tuple[float, float], ...]
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Lines that share two axes. ``percent``: values are shares, shown in percent."""

    title: str
    lines: tuple[Line, ...]
    percent: bool = False


def thin(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> tuple[tuple[float, float], ...]:
    """At most ``most`` points: the means of equal, consecutive groups."""
    size = -(-len(points) // most)
    groups = [points[i : i + size] for i in range(0, len(points), max(size, 1))]
    return tuple((sum(p[0] for p in g) / len(g), sum(p[1] for p in g) / len(g)) for g in groups)


def panels(title: str, parts: Sequence[Panel], *, width: int = 960, height: int = 250) -> str:
    """The panels side by side, or one above the other where ``width`` is small. As SVG."""
    stacked = width < 600
    each = width if stacked else width / max(len(parts), 1)
    total = height * len(parts) if stacked else height
    drawn = []
    for index, panel in enumerate(parts):
        shift = f"translate(0 {index * height})" if stacked else f"translate({index * each:g} 0)"
        drawn.append(element("g", _panel(panel, each, height), transform=shift))
    described = "; ".join(_words(line, panel.percent) for panel in parts for line in panel.lines)
    return svg(width, total, title, described, *drawn)


def _panel(panel: Panel, width: float, height: float) -> str:
    xs = [p[0] for line in panel.lines for p in line.points]
    ys = [p[1] for line in panel.lines for p in line.points]
    x = Scale(0.0, max([*xs, 1.0]), 52.0, width - 24.0)
    y = scale_over(ys, height - 46.0, 36.0, pad=0.1, floor=None if panel.percent else 0.0)
    x_texts = [(v, format_count(v).replace(".0k", "k")) for v in x.ticks(4)]
    y_texts = [(v, f"{v * 100:.4g} %" if panel.percent else f"{v:g}") for v in y.ticks(4)]
    legend, at = [], 52.0 + 130
    for line in panel.lines if len(panel.lines) > 1 else ():
        legend.append(element("line", x1=at, x2=at + 16, y1=22.0, y2=22.0, class_=f"line {line.class_}"))
        legend.append(label(at + 21, 26, line.name, class_="tick"))
        at += 32 + 7 * len(line.name)
    return "".join([
        axis_x(x, 36, height - 46, x_texts, "step"), axis_y(y, 52, width - 24, y_texts, panel.title),
        *legend, *(_line(line, x, y, panel.percent) for line in panel.lines),
    ])  # fmt: skip


def _line(line: Line, x: Scale, y: Scale, percent: bool) -> str:
    path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
    parts = [element("polyline", points=path, class_=f"line {line.class_}")]
    for a, b in line.points if line.dots else ():
        words = f"{line.name}, step {a:.0f}: {_value(b, percent)}"
        dot = element("circle", tooltip(words), cx=x(a), cy=y(b), r=3.5, class_=f"dot {line.class_}")
        parts.append(dot)
    return "".join(parts)


def _value(value: float, percent: bool) -> str:
    return f"{value * 100:.1f} %" if percent else f"{value:.4g}"


def _words(line: Line, percent: bool) -> str:
    first, last = line.points[0][1], line.points[-1][1]
    return f"{line.name} from {_value(first, percent)} to {_value(last, percent)}"
