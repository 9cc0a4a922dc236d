"""Tables of runs whose law is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fitwright.scaling.cells import cells_of
from fitwright.scaling.choice import LAWS
from fitwright.scaling.runs import Runs

TRUE = {"E": 1.8172, "A": 482.0, "B": 2085.4, "alpha": 0.3478, "beta": 0.3658}
"""The published re-fit of the Chinchilla table (Besiroglu et al. 2024)."""


def grid(sizes: int = 7, ratios: tuple[float, ...] = (3, 10, 30, 100, 300)) -> tuple[np.ndarray, np.ndarray]:
    """Sizes from 10M to 1B, each at several tokens for each parameter."""
    size = np.repeat(np.geomspace(1e7, 1e9, sizes), len(ratios))
    return size, size * np.tile(ratios, sizes)


def runs_from(
    law: str, values: Mapping[str, float], size: np.ndarray, data: np.ndarray,
    unique: np.ndarray | None = None, *, noise: float = 0.0, seed: int = 0,
) -> Runs:  # fmt: skip
    """Runs that follow the law, off by a share ``noise`` (standard deviation)."""
    cells = cells_of(size, data, unique, centre=False)
    log_loss, _ = LAWS[law].log_loss_and_slope(LAWS[law].inner(values, cells)[None], cells)
    off = np.random.default_rng(seed).normal(0, noise, len(size)) if noise else 0.0
    fed = data if unique is None else np.minimum(unique, data)
    return Runs(size=size, data=data, unique=fed, loss=np.exp(log_loss[0] + off))


def chinchilla_runs(*, noise: float = 0.0, seed: int = 0) -> Runs:
    return runs_from("chinchilla", TRUE, *grid(), noise=noise, seed=seed)
