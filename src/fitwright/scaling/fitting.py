"""One law to one table of runs, or to many weightings of it at once.

Legend of shapes: R runs, B weightings, P parameters, S starts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fitwright.scaling.cells import Array, Cells
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.solver import Solution, minimise

STARTS = 8
STARTS_OF_MANY = 2


def fit_once(law: Law, cells: Cells, loss_R: Array, *, fixed: Mapping[str, float] | None = None) -> Solution:
    """The best of eight starts on all runs; (1, P) and (1,).

    Args:
        fixed: public values that are held, for example ``{"alpha": 0.35, "beta": 0.35}``.
    """
    return fit_many(law, cells, loss_R, np.ones((1, len(cells))), fixed=fixed)


def fit_many(
    law: Law, cells: Cells, loss_R: Array, weight_BR: Array, *, starts: int = STARTS,
    near_P: Array | None = None, fixed: Mapping[str, float] | None = None,
) -> Solution:  # fmt: skip
    """The best fit for each of B weightings of the runs; (B, P) and (B,).

    Args:
        weight_BR: how often each run counts: 0 leaves it out.
        starts: how many of its own grid points each weighting starts from.
        near_P: a further start for all of them.
        fixed: public values that are held.
    """
    start_BSP = law.starts(cells, loss_R, weight_BR, starts)
    if near_P is not None:
        near = np.broadcast_to(near_P, (len(weight_BR), 1, len(near_P)))
        start_BSP = np.concatenate([start_BSP, near], axis=1)
    held = fixed_mask(law, fixed)
    if fixed:
        start_BSP = np.stack([_hold(law, start_SP, fixed, cells) for start_SP in start_BSP])
    problems, count, width = start_BSP.shape
    solution = minimise(
        law, cells, np.log(loss_R), np.repeat(weight_BR, count, axis=0), start_BSP.reshape(-1, width),
        fixed_P=held,
    )  # fmt: skip
    objective = solution.objective.reshape(problems, count)
    best, rows = np.argmin(objective, axis=1), np.arange(problems)
    theta = solution.theta.reshape(problems, count, width)[rows, best]
    return Solution(theta=theta, objective=objective[rows, best])


def fixed_mask(law: Law, fixed: Mapping[str, float] | None) -> NDArray[np.bool_] | None:
    """(P,): which inner numbers are held; ``None`` where none is."""
    if not fixed:
        return None
    return np.array([name in fixed for name in law.inner_names])


def _hold(law: Law, start_SP: Array, fixed: Mapping[str, float], cells: Cells) -> Array:
    """The starts with the public values of ``fixed`` put in."""
    public = law.public(start_SP, cells)
    rows = [
        law.inner({**{name: float(values[place]) for name, values in public.items()}, **fixed}, cells)
        for place in range(len(start_SP))
    ]
    return np.array(rows)
