"""Which cells a ladder has: sizes × unique data × epochs, all in proportion to the largest run's tokens.

With D the tokens of the largest run, every size is trained on D/16, D/8 and D/4 new tokens, on D/16 four
times and on D/64 four and sixteen times; small sizes also on D/2 and D, as far as no run but the largest has
more than a quarter of its compute. So the largest lies four times beyond what a law is fitted to, each size
meets the same data once and many times, and tokens for each parameter vary a hundredfold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.core.units import format_count
from fitwright.scaling.design.plan import FIT, TARGET
from fitwright.scaling.design.shapes import WIDTHS, Shape, usual_shape

_ONCE = (1 / 16, 1 / 8, 1 / 4)
_ONCE_IF_SMALL = (1 / 2, 1.0)
_REPEATED = ((1 / 16, 4), (1 / 64, 4), (1 / 64, 16))
_PARTS = 64
BEYOND = 4.0
"""The largest run's compute over that of any other."""
SIZES = 5
TOKENS_PER_PARAMETER = 3.0
"""Of the largest run, where the corpus allows it: few, so that the sizes straddle what its data can feed."""
FEWEST_BLOCKS = 16
"""Of the smallest unique part: below it a step would see a large part of all there is."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A cell as a part of the ladder: ``share`` of the largest run's tokens are different; its role."""

    shape: Shape
    share: float
    epochs: int
    role: str = FIT


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a shape costs: for each token of training, and for each epoch besides (evaluation)."""

    per_token: float
    per_epoch: float = 0.0


Pricer = Callable[[Shape], Price]


def points_of(shapes: Sequence[Shape], flops_per_token: Callable[[Shape], float]) -> tuple[Point, ...]:
    """The cells of those shapes, largest compute first."""
    ordered = sorted(shapes, key=flops_per_token)
    most = flops_per_token(ordered[-1])
    found = [Point(shape=ordered[-1], share=1.0, epochs=1, role=TARGET)]
    for shape in ordered:
        once = [(share, 1) for share in (*_ONCE, *_ONCE_IF_SMALL)]
        for share, epochs in (*once, *_REPEATED):
            if flops_per_token(shape) * share * epochs <= most / BEYOND * 1.0001:
                found.append(Point(shape=shape, share=share, epochs=epochs))
    return tuple(sorted(found, key=lambda p: -flops_per_token(p.shape) * p.share * p.epochs))


def tokens_within(points: Sequence[Point], budget: float, price: Pricer) -> float:
    """D for which all cells together cost the budget.

    Raises:
        UsageError: the evaluations alone cost more.
    """
    fixed = sum(price(point.shape).per_epoch * point.epochs for point in points)
    each = sum(price(point.shape).per_token * point.share * point.epochs for point in points)
    if fixed >= budget * 0.8:
        raise UsageError(
            "the budget is too small for a ladder", got=f"{budget:.3g}",
            allowed=f"more than {fixed / 0.8:.3g}", mend="Give more, or smaller shapes.",
        )  # fmt: skip
    return (budget - fixed) / each


def choose_shapes(
    budget: float, price: Pricer, flops_per_token: Callable[[Shape], float],
    parameters: Callable[[Shape], int], available_tokens: float, *, sizes: int = SIZES,
) -> tuple[Shape, ...]:  # fmt: skip
    """Neighbouring usual shapes whose largest run comes nearest to :data:`TOKENS_PER_PARAMETER`.

    Args:
        budget: in the price's unit. available_tokens: different ones; no ladder may need more.
    """
    found: list[tuple[float, tuple[Shape, ...]]] = []
    for first in range(len(WIDTHS) - sizes + 1):
        shapes = tuple(usual_shape(width) for width in WIDTHS[first : first + sizes])
        try:
            tokens = tokens_within(points_of(shapes, flops_per_token), budget, price)
        except UsageError:
            continue
        excess = max(0.0, math.log(tokens / available_tokens))
        off = abs(math.log(tokens / parameters(shapes[-1]) / TOKENS_PER_PARAMETER))
        found.append((off + 10 * excess, shapes))
    if not found:
        raise UsageError("the budget is too small for a ladder", got=f"{budget:.3g}", mend="Give more.")
    return min(found, key=lambda pair: pair[0])[1]


def whole_blocks(point: Point, tokens: float, block: int) -> int:
    """Unique blocks of a cell; D is a multiple of 64 blocks, so that shares are whole."""
    return round(point.share * _PARTS) * max(1, int(tokens / block) // _PARTS)


def check_blocks(tokens: float, block: int, available_tokens: float) -> float:
    """D as it will be: no more than the corpus has, and enough for the smallest part.

    Raises:
        UsageError: too little for a ladder.
    """
    most = min(tokens, available_tokens)
    if most / 64 < FEWEST_BLOCKS * block:
        need = format_count(64 * FEWEST_BLOCKS * block)
        raise UsageError(
            "too few tokens for a ladder: its smallest part is a 64th of the largest run",
            got=f"{format_count(most)} ({'the corpus' if most < tokens else 'the budget'} has no more)",
            allowed=f"{need} or more", mend="Give more budget or text, smaller shapes, or a shorter block.",
        )  # fmt: skip
    return most
