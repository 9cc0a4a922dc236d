"""Accuracy through loss: what a predicted loss would mean on a task.

1 − accuracy = epsilon − k · exp(−gamma · L) (Gadre et al. 2024, equation 5: the error on a task falls
exponentially with the loss, and starts from that of guessing). Which loss a size and its data give is the
law's business; this is the second step, with an error of its own.

Legend of shape suffixes: R runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import DataError
from fitwright.scaling.backtest import SHARES
from fitwright.scaling.cells import Array

LEVEL = 0.95
FEWEST = 8
_BENDS = np.geomspace(0.05, 20.0, 200)
"""What gamma times the spread of the losses is tried at: from a straight line to a cliff."""
_STEEPEST = 300.0
"""What gamma times a loss may be: beyond, exp(-gamma·L) is no number any more."""
_FOLLOWS = -0.5


@dataclass(frozen=True, kw_only=True)
class Downstream:
    """The relation and how far off it was.

    Attributes:
        column: the table's name for the accuracy. runs: how many told one.
        parameters: ``epsilon``, ``k``, ``gamma``.
        lowest: the lowest loss it was fitted to.
        reach, error: of runs left out at the low end of the losses, as the law's own back-tests: by how many
            nats each lay below those that were fitted, and measured accuracy less predicted.
    """

    column: str
    runs: int
    parameters: Mapping[str, float]
    lowest: float
    reach: Array
    error: Array

    @property
    def heldout_error(self) -> float:
        """Mean absolute error on the runs left out, in accuracy."""
        return float(np.abs(self.error).mean())

    def accuracy(self, loss: float) -> float:
        """At a loss, between 0 and 1."""
        return float(np.clip(_accuracy(self.parameters, np.array([loss]))[0], 0.0, 1.0))

    def interval(self, losses: tuple[float, float]) -> tuple[float, float]:
        """Of the accuracy for a loss that lies between these: the relation at both ends, and its own error.

        The error is the 95 % quantile of what back-tests missed by that reached at most twice as far
        below their losses, or of the nearest eight; below what they reached it grows in proportion.
        """
        asked, missed = max(0.0, self.lowest - losses[0]), np.abs(self.error)
        like = self.reach <= max(2 * asked, float(np.sort(self.reach)[min(FEWEST, len(missed)) - 1]))
        margin = float(np.quantile(missed[like], LEVEL, method="higher"))
        farthest = float(self.reach.max())
        margin *= max(1.0, asked / farthest) if farthest > 0 else 1.0
        ends = [self.accuracy(losses[1]) - margin, self.accuracy(losses[0]) + margin]
        return max(0.0, min(ends)), min(1.0, max(ends))

    def as_json(self) -> dict[str, Any]:
        return {
            "column": self.column, "runs": self.runs, "parameters": dict(self.parameters),
            "heldout_error": self.heldout_error, "lowest_loss": self.lowest,
            "backtest": {"reach": self.reach.tolist(), "error": self.error.tolist()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Downstream:
        told = data["backtest"]
        return cls(
            column=data["column"], runs=data["runs"], parameters=data["parameters"],
            lowest=data["lowest_loss"], reach=np.asarray(told["reach"], float),
            error=np.asarray(told["error"], float),
        )  # fmt: skip


def fit_downstream(loss_R: Array, accuracy_R: Array, column: str) -> Downstream:
    """Fit the relation to runs; one without a number has told no accuracy and is left out.

    Raises:
        DataError: too few runs, an accuracy that is no share, or one that does not rise as the loss falls.
    """
    told = np.isfinite(accuracy_R)
    loss, accuracy = loss_R[told], accuracy_R[told]
    if len(loss) < FEWEST:
        raise DataError(f"column {column!r}: too few runs tell an accuracy", got=len(loss),
                        allowed=f"{FEWEST} and more", mend="Leave --accuracy-column out.")  # fmt: skip
    if accuracy.min() < 0 or accuracy.max() > 1:
        raise DataError(f"column {column!r} is no share", got=f"{accuracy.min():.4g} to {accuracy.max():.4g}",
                        allowed="0 to 1", mend="Divide a percentage by 100.")  # fmt: skip
    follows = _rank_correlation(loss, accuracy)
    if not follows <= _FOLLOWS:
        raise DataError(
            f"column {column!r} does not rise as the loss falls: no accuracy can be told from a loss",
            got=f"rank correlation {follows:.2f}", allowed=f"{_FOLLOWS:g} or below",
            mend="Take runs that are better than guessing, or leave --accuracy-column out.",
        )  # fmt: skip
    reach, error = _backtest(loss, accuracy, column)
    return Downstream(
        column=column, runs=len(loss), parameters=_fit(loss, accuracy), lowest=float(loss.min()),
        reach=reach, error=error,
    )  # fmt: skip


def _fit(loss: Array, accuracy: Array) -> dict[str, float]:
    """Least squares: for each bend the other two numbers are linear (variable projection)."""
    spread, middle = max(float(np.ptp(loss)), 1e-9), float(loss.mean())
    best: tuple[float, dict[str, float]] | None = None
    for bend in _BENDS:
        gamma = float(bend) / spread
        if gamma * float(loss.max()) > _STEEPEST:
            break
        falling = np.exp(-gamma * (loss - middle))
        design = np.stack([np.ones_like(loss), falling], axis=1)
        (base, scale), *_ = np.linalg.lstsq(design, accuracy, rcond=None)
        missed = float(np.square(accuracy - design @ (base, scale)).sum())
        if scale > 0 and (best is None or missed < best[0]):
            k = float(scale * np.exp(gamma * middle))
            best = missed, {"epsilon": 1.0 - float(base), "k": k, "gamma": gamma}
    return best[1] if best is not None else {"epsilon": 1.0 - float(accuracy.mean()), "k": 0.0, "gamma": 0.0}


def _accuracy(parameters: Mapping[str, float], loss: Array) -> Array:
    fallen = parameters["k"] * np.exp(-parameters["gamma"] * loss)
    return np.asarray(1.0 - parameters["epsilon"] + fallen)


def _backtest(loss: Array, accuracy: Array, column: str) -> tuple[Array, Array]:
    """Reach and error of the runs with the lowest losses, left out in the shares that the law's are."""
    found: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for share in SHARES:
        edge = float(np.quantile(loss, share))
        held = loss <= edge
        if held.all() or (~held).sum() < FEWEST // 2:
            continue
        parameters = _fit(loss[~held], accuracy[~held])
        found.append((loss[~held].min() - loss[held], accuracy[held] - _accuracy(parameters, loss[held])))
    if not found:
        raise DataError(
            f"column {column!r}: too few different losses to leave the lowest out", got=len(np.unique(loss)),
            allowed=f"{FEWEST} and more", mend="Train more cells, or leave --accuracy-column out.",
        )  # fmt: skip
    reach, error = (np.concatenate(part) for part in zip(*found, strict=True))
    return reach, error


def _rank_correlation(first: Array, second: Array) -> float:
    """Spearman's, ties in the order they come in; 0 where one does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (first, second)]
    centred = [rank - rank.mean() for rank in ranks]
    return float(centred[0] @ centred[1] / (centred[0] @ centred[0]))
