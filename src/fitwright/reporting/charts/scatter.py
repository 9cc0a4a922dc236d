"""Quality against latency, the area of a point its size on disk, the budget as a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fitwright.core.units import format_bytes, format_seconds
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
from fitwright.reporting.charts.placing import Anchor, Box, place
from fitwright.reporting.wording import cut

Role = Literal["source", "chosen", "met", "missed"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measured model: seconds, a share from 0 to 1, bytes, each interval as (low, high)."""

    name: str
    role: Role
    latency: float
    quality: float
    size: float | None = None
    latency_interval: tuple[float, float] | None = None
    quality_interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The budget on both axes; ``None`` where it says nothing."""

    latency: float | None = None
    quality: float | None = None


@dataclass(frozen=True)
class _Frame:
    x: Scale
    y: Scale
    width: float
    height: float

    @property
    def box(self) -> Box:
        return Box(self.x.start, self.y.end, self.x.end, self.y.start)


def scatter(
    points: Sequence[Point],
    limits: Limits,
    *,
    x_title: str,
    y_title: str,
    width: int = 960,
    height: int = 430,
) -> str:
    """The chart as SVG. ``points`` must not be empty; the chosen one is drawn last, on top."""
    frame = _frame(points, limits, width, height)
    order = sorted(points, key=lambda p: ("missed", "met", "source", "chosen").index(p.role))
    description = "; ".join(_words(p) for p in points)
    return svg(
        width, height, f"{y_title} against {x_title}", description,
        _axes(frame, x_title, y_title), _region(frame, limits), _limit_lines(frame, limits),
        *(_bars(frame, p) for p in order), *(_bubble(frame, p, points) for p in order),
        *_names(frame, order[::-1], limits),
    )  # fmt: skip


def _frame(points: Sequence[Point], limits: Limits, width: int, height: int) -> _Frame:
    latencies = [v for p in points for v in (p.latency, *(p.latency_interval or ()))]
    qualities = [v for p in points for v in (p.quality, *(p.quality_interval or ()))]
    latencies += [limits.latency] if limits.latency else []
    qualities += [limits.quality] if limits.quality is not None else []
    left, right, top, bottom = 56.0, width - 18.0, 34.0, height - 48.0
    low, high = min(latencies), max(latencies)
    if low > 0 and high / low > 12:
        x = Scale(low / 1.4, high * 1.25, left, right, log=True)
    else:
        x = Scale(0.0, high * 1.12 or 1.0, left, right)
    return _Frame(x, scale_over(qualities, bottom, top, pad=0.12), width, height)


def _axes(frame: _Frame, x_title: str, y_title: str) -> str:
    box = frame.box
    few = 4 if frame.width < 600 else 8
    x_texts = [(v, _seconds(v)) for v in frame.x.ticks(few)]
    y_texts = [(v, f"{v * 100:.1f}".removesuffix(".0") + " %") for v in frame.y.ticks(6)]
    return axis_x(frame.x, box.top, box.bottom, x_texts, f"{x_title} (less is better)") + axis_y(
        frame.y, box.left, box.right, y_texts, y_title
    )


def _seconds(value: float) -> str:
    """A round tick: ``2.00 ms`` without its zeros."""
    number, _, unit = format_seconds(value).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}" if value else "0"


def _region(frame: _Frame, limits: Limits) -> str:
    if limits.latency is None and limits.quality is None:
        return ""
    box = frame.box
    right = box.right if limits.latency is None else frame.x.clamped(limits.latency)
    bottom = box.bottom if limits.quality is None else frame.y.clamped(limits.quality)
    area = element(
        "rect", x=box.left, y=box.top, width=right - box.left, height=bottom - box.top, class_="region"
    )
    if right - box.left < 125:
        return area
    return area + label(box.left + 8, box.top + 16, "inside the budget", class_="region-name")


def _limit_lines(frame: _Frame, limits: Limits) -> str:
    box, parts = frame.box, []
    if limits.latency is not None:
        x = frame.x.clamped(limits.latency)
        parts.append(element("line", x1=x, x2=x, y1=box.top, y2=box.bottom, class_="limit"))
        side = "end" if x > box.right - 110 else "start"
        shift = -6 if side == "end" else 6
        text = f"≤ {format_seconds(limits.latency)}"
        parts.append(label(x + shift, box.bottom - 8, text, class_="limit-name", anchor=side))
    if limits.quality is not None:
        y = frame.y.clamped(limits.quality)
        parts.append(element("line", x1=box.left, x2=box.right, y1=y, y2=y, class_="limit"))
        text = f"≥ {limits.quality * 100:.1f} %"
        parts.append(label(box.right - 6, y + 15, text, class_="limit-name", anchor="end"))
    return "".join(parts)


def _radius(point: Point, points: Sequence[Point]) -> float:
    largest = max((p.size or 0.0) for p in points)
    return 8.0 if not point.size or not largest else max(5.0, 22.0 * (point.size / largest) ** 0.5)


def _bars(frame: _Frame, point: Point) -> str:
    x, y, parts = frame.x(point.latency), frame.y(point.quality), []
    if point.latency_interval:
        low, high = (frame.x.clamped(v) for v in point.latency_interval)
        parts.append(element("path", d=f"M{low:.1f} {y - 3:.1f}v6m0-3H{high:.1f}m0-3v6"))
    if point.quality_interval:
        low, high = (frame.y.clamped(v) for v in point.quality_interval)
        parts.append(element("path", d=f"M{x - 3:.1f} {low:.1f}h6m-3 0V{high:.1f}m-3 0h6"))
    return element("g", *parts, class_=f"error-bar {point.role}")


def _bubble(frame: _Frame, point: Point, points: Sequence[Point]) -> str:
    x, y, radius = frame.x(point.latency), frame.y(point.quality), _radius(point, points)
    parts = [tooltip(_words(point)), element("circle", cx=x, cy=y, r=radius, class_="bubble")]
    if point.role == "chosen":
        parts.append(element("circle", cx=x, cy=y, r=radius + 4, class_="ring"))
    parts.append(element("circle", cx=x, cy=y, r=1.8, class_="centre"))
    return element("g", *parts, class_=f"point {point.role}")


def _obstacles(frame: _Frame, limits: Limits, points: Sequence[Point]) -> list[Box]:
    """What a name had better not cross: the limits and the error bars."""
    box, found = frame.box, []
    if limits.latency is not None:
        x = frame.x.clamped(limits.latency)
        found.append(Box(x - 1, box.top, x + 1, box.bottom))
    if limits.quality is not None:
        y = frame.y.clamped(limits.quality)
        found.append(Box(box.left, y - 1, box.right, y + 1))
    for point in points:
        if point.quality_interval:
            x, (low, high) = frame.x(point.latency), map(frame.y.clamped, point.quality_interval)
            found.append(Box(x - 3, high, x + 3, low))
        if point.latency_interval:
            y, (left, right) = frame.y(point.quality), map(frame.x.clamped, point.latency_interval)
            found.append(Box(left, y - 3, right, y + 3))
    return found


def _names(frame: _Frame, points: Sequence[Point], limits: Limits) -> list[str]:
    limit = 24 if frame.width < 600 else 36
    anchors = [
        Anchor(frame.x(p.latency), frame.y(p.quality), _radius(p, points) + 3, cut(p.name, limit))
        for p in points
    ]
    places = place(anchors, frame.box, _obstacles(frame, limits, points))
    return [
        label(where[0], where[1], anchor.text, class_=f"name {point.role}")
        for point, anchor, where in zip(points, anchors, places, strict=True)
        if where is not None
    ]


def _words(point: Point) -> str:
    size = f", {format_bytes(point.size)}" if point.size else ""
    return f"{point.name} ({point.role}): {point.quality * 100:.1f} %, {format_seconds(point.latency)}{size}"
