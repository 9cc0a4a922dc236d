"""Predicted against measured: every row is divided by its measurement, so that all units share one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.reporting.charts.canvas import Scale, axis_x, element, label, svg, tooltip
from fitwright.reporting.wording import cut

_ROW = 26.0


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A prediction in multiples of its measurement, all positive; ``words`` are for the tooltip."""

    name: str
    value: float
    low: float
    high: float
    inside: bool
    words: str


def intervals(ratios: Sequence[Ratio], *, width: int = 960) -> str:
    """The chart as SVG: a dot per prediction, its interval as a bar, the measurement as the line at 1×."""
    narrow = width < 600
    row = _ROW + 16 if narrow else _ROW
    left = 12.0 if narrow else 330.0
    top, height = 26.0, 26.0 + row * len(ratios) + 48
    bottom = height - 46
    low, high = min(0.5, *(r.low for r in ratios)), max(2.0, *(r.high for r in ratios))
    low, high = max(low / 1.1, 1 / 64), min(high * 1.1, 64.0)
    x = Scale(low, high, left, width - 16.0, log=True)
    ticks = [2.0**p for p in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
    if len(ticks) > 9:
        ticks = [t for t in ticks if round(math.log2(t)) % 2 == 0]
    one = element("line", x1=x(1), x2=x(1), y1=top, y2=bottom, class_="measured-line")
    name = label(x(1), top - 9, "measured", class_="measured-name", anchor="middle")
    rows = (_row(r, x, top + i * row, row, narrow) for i, r in enumerate(ratios))
    return svg(
        width, height, "Predicted divided by measured", "; ".join(r.words for r in ratios),
        axis_x(x, top, bottom, [(t, _times(t)) for t in ticks], "predicted ÷ measured"), one, name, *rows,
    )  # fmt: skip


def _row(ratio: Ratio, x: Scale, top: float, height: float, narrow: bool) -> str:
    y = top + height - 12 if narrow else top + height / 2
    low, high, centre = (x.clamped(v) for v in (ratio.low, ratio.high, ratio.value))
    parts = [
        tooltip(ratio.words),
        element("rect", x=low, y=y - 4, width=max(high - low, 1.0), height=8.0, rx=4.0, class_="range"),
        element("circle", cx=centre, cy=y, r=5.0, class_="dot"),
    ]
    if narrow:
        parts.append(label(x.start, y - 11, cut(ratio.name, 52), class_="row-name"))
    else:
        parts.append(label(x.start - 14, y + 4, cut(ratio.name, 48), class_="row-name", anchor="end"))
    return element("g", *parts, class_="inside" if ratio.inside else "outside")


def _times(value: float) -> str:
    return f"{value:g}×" if value >= 1 else f"1/{1 / value:g}×"
