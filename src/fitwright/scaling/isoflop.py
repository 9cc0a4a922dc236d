"""IsoFLOP curves: runs of one budget, a parabola through their losses over log size, its lowest point.

Approach 2 of Hoffmann et al. 2022. Known error: on Chinchilla's own surface without noise the intercept of
the power law is off by 4 to 5 % for wide grids of sizes, because the true curve is not symmetric; a lowest
point that lies outside the sizes that were run is no measurement. Shown beside the law, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwright.scaling.cells import Array
from fitwright.scaling.runs import Runs

_SAME_BUDGET = 0.05
_FEWEST_RUNS, _FEWEST_LEVELS = 4, 3
BIAS = "parabolas are symmetric, the true curves are not: on wide grids the intercept is off by 4 to 5 %"


@dataclass(frozen=True, kw_only=True)
class Level:
    """One budget: its runs and the parabola ``loss = lowest + bend·(ln N − ln best)²``.

    ``inside``: the lowest point lies between the sizes that were run.
    """

    flops: float
    runs: int
    best: float
    lowest: float
    bend: float
    inside: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "flops": self.flops, "runs": self.runs, "best_n": self.best, "loss": self.lowest,
            "bend": self.bend, "inside": self.inside,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Isoflop:
    """N* = coefficient·C^exponent through the lowest points that lie inside."""

    levels: tuple[Level, ...]
    coefficient: float
    exponent: float

    def as_json(self) -> dict[str, Any]:
        return {
            "levels": [level.as_json() for level in self.levels], "coefficient": self.coefficient,
            "exponent": self.exponent, "bias": BIAS,
        }  # fmt: skip


def isoflop(runs: Runs) -> Isoflop | None:
    """The curves of a table; ``None`` with fewer than three budgets of four single-epoch sizes each."""
    single = ~runs.cells.repeated
    levels = [level for group in _budgets(np.log(runs.flops), single) if (level := _level(runs, group))]
    usable = [level for level in levels if level.inside]
    if len(usable) < _FEWEST_LEVELS:
        return None
    log_flops = np.log([level.flops for level in usable])
    rate, offset = np.polyfit(log_flops, np.log([level.best for level in usable]), 1)
    return Isoflop(levels=tuple(levels), coefficient=float(np.exp(offset)), exponent=float(rate))


def _budgets(log_flops: Array, among: Any) -> list[Any]:
    """Groups of runs whose compute differs by less than 5 % from one to the next."""
    order = [at for at in np.argsort(log_flops) if among[at]]
    groups: list[list[int]] = []
    for at in order:
        if groups and log_flops[at] - log_flops[groups[-1][-1]] < _SAME_BUDGET:
            groups[-1].append(int(at))
        else:
            groups.append([int(at)])
    return [np.array(group) for group in groups]


def _level(runs: Runs, group: Any) -> Level | None:
    size, loss = np.log(runs.size[group]), runs.loss[group]
    if len(np.unique(np.round(size, 2))) < _FEWEST_RUNS:
        return None
    centre = size.mean()
    bend, slope, offset = np.polyfit(size - centre, loss, 2)
    if bend <= 0:
        return None
    best = -slope / (2 * bend)
    return Level(
        flops=float(np.exp(np.log(runs.flops[group]).mean())), runs=len(group),
        best=float(np.exp(centre + best)),
        lowest=float(offset - slope**2 / (4 * bend)), bend=float(bend),
        inside=bool(size.min() <= centre + best <= size.max()),
    )  # fmt: skip
