"""How far off each law is on runs that it was not fitted to: the largest left out, and folds left out.

Legend of shapes: R runs, B splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fitwright.scaling.cells import Array, Cells
from fitwright.scaling.fitting import fit_many
from fitwright.scaling.laws.interface import Law

Axis = Literal["compute", "size", "data", "fold"]
SHARES = (0.1, 0.2, 0.3, 0.45)
"""Shares of the runs that are left out at the large end of an axis, one split each."""
_FOLDS = 8
_FEWEST_RUNS, _FEWEST_SIZES = 6, 3
_FEWEST_OF_ONE_SIZE = 4
"""Amounts of data that stay where all runs have one size: one more than the law has numbers."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Runs that are fitted and runs that are held out: (R,) masks.

    Attributes:
        axis: along what the held-out runs are the largest; ``fold``: a random part, inside the ladder.
        reach: (R,) by how much each run lies beyond the largest fitted one on that axis, a logarithm.
    """

    axis: Axis
    held: NDArray[np.bool_]
    reach: Array

    @property
    def fitted(self) -> NDArray[np.bool_]:
        return ~self.held


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """One law's errors on all splits.

    Attributes:
        errors: for each split the log of measured over predicted loss of its held-out runs.
        epochs: (R,) how often each run saw its data.
    """

    splits: tuple[Split, ...]
    errors: tuple[Array, ...]
    epochs: Array

    def pooled(self, axis: Axis) -> tuple[Array, Array, Array]:
        """Reach, epochs and error of every held-out run of that axis's splits."""
        found = [
            (split.reach[split.held], self.epochs[split.held], error)
            for split, error in zip(self.splits, self.errors, strict=True)
            if split.axis == axis
        ]
        if not found:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        reach, epochs, error = (np.concatenate(part) for part in zip(*found, strict=True))
        return reach, epochs, error

    def mean_error(self, axis: Axis) -> float | None:
        """Mean relative error on that axis, each split counting once; ``None`` without splits."""
        means = [
            float(np.abs(np.expm1(error)).mean())
            for split, error in zip(self.splits, self.errors, strict=True)
            if split.axis == axis
        ]
        return sum(means) / len(means) if means else None


def splits_of(cells: Cells, seed: int = 0) -> tuple[Split, ...]:
    """The splits that the ladder allows.

    At least six runs of three sizes and three amounts of data stay; of a ladder of one size, which the law of
    data alone is fitted to, four amounts.
    """
    axes: dict[Axis, Array] = {"compute": cells.compute, "size": cells.size, "data": data_axis(cells)}
    found = [split for axis, value in axes.items() for split in _largest_out(axis, value, cells)]
    return (*found, *_folds(cells, seed))


def data_axis(cells: Cells) -> Array:
    """(R,): unique tokens where runs repeat theirs, else all tokens."""
    return cells.unique if cells.repeated.any() else cells.data


def _largest_out(axis: Axis, value: Array, cells: Cells) -> list[Split]:
    found: list[Split] = []
    levels = np.unique(np.round(value, 3))
    for share in SHARES:
        edges = (levels[1:] + levels[:-1]) / 2
        left_out = np.array([(value > edge).mean() for edge in edges])
        if not len(edges):
            continue
        held = value > edges[np.argmin(np.abs(left_out - share))]
        known = any(np.array_equal(held, other.held) for other in found)
        if not known and 0.02 < held.mean() < 0.65 and enough(cells, ~held):
            found.append(Split(axis=axis, held=held, reach=np.maximum(value - value[~held].max(), 0.0)))
    return found


def enough(cells: Cells, fitted: NDArray[np.bool_]) -> bool:
    """Whether these runs can carry a fit at all."""
    sizes, data = (len(np.unique(np.round(v[fitted], 2))) for v in (cells.size, cells.data))
    if np.ptp(cells.size) < 0.01:
        return bool(data >= _FEWEST_OF_ONE_SIZE)
    return bool(fitted.sum() >= _FEWEST_RUNS and sizes >= _FEWEST_SIZES and data >= _FEWEST_SIZES)


def _folds(cells: Cells, seed: int) -> list[Split]:
    order = np.random.default_rng(seed).permutation(len(cells))
    folds: Sequence[NDArray[np.intp]] = np.array_split(order, min(_FOLDS, len(cells)))
    found = []
    for fold in folds:
        held = np.zeros(len(cells), bool)
        held[fold] = True
        if enough(cells, ~held):
            found.append(Split(axis="fold", held=held, reach=np.zeros(len(cells))))
    return found


def backtest(
    law: Law,
    cells: Cells,
    loss_R: Array,
    splits: Sequence[Split],
    *,
    fixed: Mapping[str, float] | None = None,
) -> Backtest:
    """Fit the law to each split's runs alone and predict the others. All splits are solved at once."""
    epochs_R = np.exp(cells.data - cells.unique)
    if not splits:
        return Backtest(splits=(), errors=(), epochs=epochs_R)
    weight_BR = np.stack([split.fitted for split in splits]).astype(float)
    solution = fit_many(law, cells, loss_R, weight_BR, fixed=fixed)
    predicted_BR, _ = law.log_loss_and_slope(solution.theta, cells)
    errors = np.log(loss_R) - predicted_BR
    return Backtest(
        splits=tuple(splits),
        errors=tuple(errors[at][split.held] for at, split in enumerate(splits)),
        epochs=epochs_R,
    )
