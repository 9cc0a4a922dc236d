"""SVG by hand: elements, scales, ticks, and the frame of a chart. Colours come from the page's classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fitwright.reporting.rows import clean

Attribute = str | float


def element(tag: str, *children: str, **attributes: Attribute) -> str:
    """One SVG element; ``class_`` stands for ``class``, other underscores for hyphens; floats are rounded."""
    pairs = []
    for name, value in attributes.items():
        shown = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
        pairs.append(f' {name.rstrip("_").replace("_", "-")}="{escape(clean(shown))}"')
    return f"<{tag}{''.join(pairs)}>{''.join(children)}</{tag}>"


def label(x: float, y: float, text: str, *, class_: str = "", anchor: str = "start") -> str:
    """A text whose baseline starts (``start``), centres (``middle``) or ends (``end``) at x, y."""
    return element("text", escape(clean(text)), x=x, y=y, class_=class_, text_anchor=anchor)


def tooltip(text: str) -> str:
    """The browser's own tooltip for the element around it."""
    return element("title", escape(clean(text)))


def text_width(text: str, size: float = 12) -> float:
    """A rough width in pixels; ideographs are a full em wide."""
    return sum(size if ord(c) > 0x2E7F else 0.56 * size for c in text)


def svg(width: float, height: float, title: str, description: str, *children: str) -> str:
    """A whole chart that scales with its box and is read aloud as ``title`` and ``description``."""
    box = f"0 0 {width:g} {height:g}"
    head = element("desc", escape(clean(description)))
    return element("svg", head, *children, viewBox=box, class_="chart", role="img", aria_label=title)


@dataclass(frozen=True)
class Scale:
    """From data to pixels: ``low``…``high`` lies on ``start``…``end``, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def clamped(self, value: float) -> float:
        """The pixel of ``value``, held inside the scale."""
        return self(min(max(value, self.low), self.high))

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the scale, about that many."""
        if self.log:
            return _log_ticks(self.low, self.high)
        step = _round_step((self.high - self.low) / max(about, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]


def scale_over(
    values: Sequence[float], start: float, end: float, *, pad: float = 0.06, floor: float | None = None
) -> Scale:
    """A linear scale that holds ``values`` with some room; ``floor`` bounds the low end from below."""
    low, high = min(values), max(values)
    room = (high - low) * pad or abs(high) * 0.1 or 1.0
    low -= room
    return Scale(low if floor is None else max(low, floor), high + room, start, end)


def _round_step(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return power * next((m for m in (1, 2, 2.5, 5) if m * power >= rough * 0.999), 10)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    dense = math.log10(high / low) < 2
    ticks = [m * 10.0**d for d in decades for m in ((1, 2, 5) if dense else (1,))]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]


def axis_x(scale: Scale, top: float, bottom: float, texts: Sequence[tuple[float, str]], title: str) -> str:
    """Vertical grid lines with their texts below, and the axis title under them."""
    parts = []
    for value, text in texts:
        x = scale(value)
        parts.append(element("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
        parts.append(label(x, bottom + 17, text, class_="tick", anchor="middle"))
    middle = (scale.start + scale.end) / 2
    return "".join([*parts, label(middle, bottom + 37, title, class_="axis", anchor="middle")])


def axis_y(scale: Scale, left: float, right: float, texts: Sequence[tuple[float, str]], title: str) -> str:
    """Horizontal grid lines with their texts on the left, and the axis title above the first."""
    parts = []
    for value, text in texts:
        y = scale(value)
        parts.append(element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(label(left - 7, y + 4, text, class_="tick", anchor="end"))
    return "".join([*parts, label(max(left - 40, 2), scale.end - 10, title, class_="axis")])
