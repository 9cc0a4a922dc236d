"""Split conformal prediction on residuals: the interval that the next one falls into nine times in ten.

Source: Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World" (2005); as an introduction
Angelopoulos and Bates 2021, arXiv:2107.07511, section 1. The score is log(measured ÷ estimate).

Known error: the promise of 90 % holds for a new point that is exchangeable with the kept ones. Points of one
model are alike, so a point of a new model may be covered less: 87 to 91 % in simulations where residuals vary
as much between models as within them. Coverage with one model left out shows it for the residuals at hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.sizing.ledger.residuals import Point, median

COVERAGE_PERCENT = 90
MODELS_FOR_BIAS = 5
POINTS_FOR_TWO_SIDES = 39
"""From here on the outermost point of either side is not itself the end of the interval."""

Sample = tuple[str | None, float]
"""A model (``None``: unknown) and a residual."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What residuals say about the next estimate of their kind.

    Attributes:
        low, high: the interval as factors on the raw estimate.
        centre: factor on the value; 1 where the bias is left as it is.
        count, models: residuals behind it, and how many models they come from (``None``: unknown).
        level: how near the residuals are to what is estimated; set by who chose them.
    """

    low: float
    high: float
    centre: float
    count: int
    models: int | None
    level: str = ""


def calibrate(samples: Sequence[Sample], *, correct_bias: bool = False) -> Calibration | None:
    """The interval that 90 % of further residuals fall into, as factors; ``None`` from fewer than 9.

    With n residuals r: symmetric, the ⌈0.9 (n+1)⌉-th smallest absolute r. From 39 residuals on each side by
    itself: the ⌊0.05 (n+1)⌋-th and the ⌈0.95 (n+1)⌉-th smallest r.

    Args:
        samples: residuals with their models.
        correct_bias: move the centre to the median of the models' medians, where there are 5 models or more.
            A symmetric interval then measures each residual from the centre of the other models, as in the
            CV+ of Barber, Candès, Ramdas, Tibshirani 2021, arXiv:1905.02928, so that a residual does not
            judge a centre that it helped to set.
    """
    count = len(samples)
    rank = _ceil_percent(COVERAGE_PERCENT, count + 1)
    if rank > count:
        return None
    models = None if any(model is None for model, _ in samples) else len({model for model, _ in samples})
    centred = correct_bias and models is not None and models >= MODELS_FOR_BIAS
    shift, without = _centres(samples) if centred else (0.0, {})
    if count >= POINTS_FOR_TWO_SIDES:
        residuals = sorted(residual for _, residual in samples)
        tail = (100 - COVERAGE_PERCENT) // 2
        low = residuals[tail * (count + 1) // 100 - 1]
        high = residuals[_ceil_percent(100 - tail, count + 1) - 1]
    else:
        reach = sorted(abs(r - without.get(model, 0.0)) for model, r in samples)[rank - 1]
        low, high = shift - reach, shift + reach
    return Calibration(
        low=math.exp(min(low, shift)), high=math.exp(max(high, shift)), centre=math.exp(shift),
        count=count, models=models,
    )  # fmt: skip


def _centres(samples: Sequence[Sample]) -> tuple[float, dict[str | None, float]]:
    """The median of the models' medians, and for each model the same without it."""
    by_model: dict[str | None, list[float]] = {}
    for model, residual in samples:
        by_model.setdefault(model, []).append(residual)
    own = {model: median(residuals) for model, residuals in by_model.items()}
    without = {left: median(m for model, m in own.items() if model != left) for left in own}
    return median(own.values()), without


def left_one_out(own: Sequence[Point]) -> tuple[int, int]:
    """Coverage of points whose whole model was left out of the calibration.

    Returns:
        How many points were covered, and of how many that could be judged: those beside which other models
        have at least 9.
    """
    covered = judged = 0
    for model in {point.model for point in own}:
        rest = [(p.model, p.residual) for p in own if p.model != model]
        found = calibrate(rest, correct_bias=True)
        if found is None:
            continue
        residuals = [point.residual for point in own if point.model == model]
        judged += len(residuals)
        low, high = math.log(found.low), math.log(found.high)
        covered += sum(low - 1e-12 <= residual <= high + 1e-12 for residual in residuals)
    return covered, judged


def _ceil_percent(percent: int, count: int) -> int:
    """⌈percent × count ÷ 100⌉ in whole numbers, where no rounding can go wrong."""
    return -(-percent * count // 100)
