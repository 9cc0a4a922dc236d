"""How sure the numbers of a law are: fits to runs drawn again with replacement, all at once.

The intervals hold for the numbers of this form if it is the right one. They are no intervals of a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fitwright.core.progress import Progress
from fitwright.scaling.cells import Array, Cells
from fitwright.scaling.fitting import STARTS_OF_MANY, fit_many
from fitwright.scaling.laws.interface import Law

_AT_ONCE = 250
_ENDS = (2.5, 97.5)


def bootstrap(
    law: Law, cells: Cells, loss_R: Array, near_P: Array, *, resamples: int, seed: int, progress: Progress,
    fixed: Mapping[str, float] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """(resamples,) values of each public parameter.

    Each resample weights the runs by how often they were drawn, finds its own starts and starts from the fit
    to all runs too.
    """
    random = np.random.default_rng(seed)
    even = np.full(len(cells), 1 / len(cells))
    found: list[dict[str, Array]] = []
    with progress.task("bootstraps", resamples) as task:
        for at in range(0, resamples, _AT_ONCE):
            weight_BR = random.multinomial(len(cells), even, size=min(_AT_ONCE, resamples - at)).astype(float)
            solution = fit_many(
                law, cells, loss_R, weight_BR, starts=STARTS_OF_MANY, near_P=near_P, fixed=fixed
            )
            found.append(law.public(solution.theta, cells))
            task.advance(len(weight_BR))
    return {name: np.concatenate([part[name] for part in found]) for name in law.parameters}


def intervals(values: Mapping[str, Array]) -> dict[str, tuple[float, float]]:
    """Name → the middle 95 % of its resampled values."""
    ends = {name: np.percentile(drawn, _ENDS) for name, drawn in values.items()}
    return {name: (float(pair[0]), float(pair[1])) for name, pair in ends.items()}
