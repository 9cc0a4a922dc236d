"""Sizes of a model: width, heads and layers, as people write them, and the presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from fitwright.core.errors import UsageError

WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Widths that a ladder is chosen from, each 1.3 to 2 times the one before."""
PRESETS = {
    "tiny": ("32/1/2", "48/1/2", "64/2/2", "96/3/2", "128/4/2"),
    "classic": ("256/4/3", "512/8/6", "1024/16/12"),
}
"""Names that ``--shapes`` takes. ``classic`` ends with the pair that many courses and papers train."""
_NARROW, _NARROW_HEAD, _HEAD = 512, 32, 64
_LAYERS_AT_NARROW, _FEWEST_LAYERS = 6, 2


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Width of the residual stream, attention heads, layers."""

    width: int
    heads: int
    layers: int

    def __post_init__(self) -> None:
        if min(self.width, self.heads, self.layers) < 1 or self.width % self.heads:
            raise UsageError(
                "the width must be a multiple of the heads", got=self.name, allowed="such as 512/8/6"
            )

    @property
    def name(self) -> str:
        """``512/8/6``: width, heads, layers."""
        return f"{self.width}/{self.heads}/{self.layers}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def usual_shape(width: int) -> Shape:
    """The shape that a width gets where nobody says more.

    Layers grow in proportion to the width, six at 512 as in the classic pair, two at least; heads are 64
    wide, 32 below a width of 512. Loss depends on the shape only weakly over a wide range (Kaplan et al.
    2020, arXiv:2001.08361, figure 5), so that the number of parameters stands for the size.
    """
    head = _HEAD if width >= _NARROW else _NARROW_HEAD
    layers = max(_FEWEST_LAYERS, math.floor(width * _LAYERS_AT_NARROW / _NARROW + 0.5))
    return Shape(width=width, heads=max(1, width // head), layers=layers)


def parse_shapes(text: str) -> tuple[Shape, ...]:
    """``tiny``, ``classic``, or shapes parted by commas: ``width/heads/layers``, or a width alone.

    Raises:
        UsageError: not that, or a shape twice.
    """
    items = PRESETS.get(text.strip(), tuple(part.strip() for part in text.split(",")))
    shapes = []
    for item in items:
        numbers = item.split("/")
        if len(numbers) not in (1, 3) or not all(number.isascii() and number.isdigit() for number in numbers):
            raise UsageError(
                "not a shape", got=item, allowed=f"width/heads/layers, a width, or {', '.join(PRESETS)}"
            )
        width, *rest = map(int, numbers)
        shapes.append(Shape(width=width, heads=rest[0], layers=rest[1]) if rest else usual_shape(width))
    if len(set(shapes)) < len(shapes):
        raise UsageError("a shape stands there twice", got=text)
    return tuple(shapes)
