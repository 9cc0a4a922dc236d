"""Where to write the names of points so that they neither overlap each other nor cover a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.reporting.charts.canvas import text_width

_HEIGHT = 14.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The shared area, 0 where they are apart."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide * high if wide > 0 and high > 0 else 0.0


@dataclass(frozen=True)
class Anchor:
    """A point that wants a name: centre, radius, text."""

    x: float
    y: float
    radius: float
    text: str

    @property
    def box(self) -> Box:
        return Box(self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius)


def place(
    anchors: Sequence[Anchor], frame: Box, obstacles: Sequence[Box] = ()
) -> list[tuple[float, float] | None]:
    """Left baseline point of every name, in order; ``None`` where no free place is near.

    Greedy, in the order given: the most important point comes first and is always named.
    """
    taken: list[Box] = []
    placed: list[tuple[float, float] | None] = []
    for index, anchor in enumerate(anchors):
        others = [*(a.box for i, a in enumerate(anchors) if i != index), *obstacles]
        costs = [(_cost(box, taken, others, frame), box) for box in _choices(anchor)]
        cost, best = min(costs, key=lambda pair: pair[0])
        if cost > 150 and index > 1:
            placed.append(None)
            continue
        taken.append(best)
        placed.append((best.left, best.bottom - 3.5))
    return placed


def _choices(anchor: Anchor) -> list[Box]:
    width, gap = text_width(anchor.text), anchor.radius + 5
    x, y, half = anchor.x, anchor.y, _HEIGHT / 2
    corners = [
        (x + gap, y - half), (x - gap - width, y - half), (x - width / 2, y - gap - _HEIGHT),
        (x - width / 2, y + gap), (x + gap * 0.7, y - gap - half), (x + gap * 0.7, y + gap - half),
        (x - gap * 0.7 - width, y - gap - half), (x - gap * 0.7 - width, y + gap - half),
    ]  # fmt: skip
    return [Box(left, top, left + width, top + _HEIGHT) for left, top in corners]


def _cost(box: Box, taken: Sequence[Box], points: Sequence[Box], frame: Box) -> float:
    inside = frame.overlap(box)
    outside = (box.right - box.left) * _HEIGHT - inside
    return outside * 2 + sum(3 * box.overlap(t) for t in taken) + sum(box.overlap(p) for p in points)
