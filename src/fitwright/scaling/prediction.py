"""The loss of a run that was not made, with an interval from what such predictions were off by before.

Bootstrap bands of the curve are no such interval: they held 9 % of held-out runs of the Chinchilla table.
Here the law was fitted to the smaller part of the ladder again and again, and the interval is what those fits
missed the larger part by, at a reach like the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwright.core.errors import CheckError
from fitwright.scaling.backtest import Axis, Backtest
from fitwright.scaling.cells import FLOPS_PER_PARAMETER_AND_TOKEN, Array, cells_of
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.runs import Runs

LEVEL = 0.95
FARTHEST = 1.5
"""How much farther than the back-tests reached, in logarithms, a prediction may lie before it is refused."""
_FEWEST_ERRORS, _ENOUGH_ERRORS = 8, 20
_NEAR = 0.7
_BEYOND = 1.005
_EPOCHS_AS_NEW = 4.0
"""Up to four epochs are almost as good as new data (Muennighoff et al. 2023, section 5)."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a point lies outside the ladder: factors, 1 where it lies inside.

    ``size`` and ``data`` count points below the smallest run as well.
    """

    compute: float
    size: float
    data: float
    epochs: float

    @property
    def outside(self) -> bool:
        return max(self.compute, self.size, self.data, self.epochs) > _BEYOND

    def as_json(self) -> dict[str, float]:
        return {"compute": self.compute, "size": self.size, "data": self.data, "epochs": self.epochs}


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A loss in nats for each token.

    Attributes:
        interval: 95 % of back-tested errors of such a reach, and of such runs, lay inside.
        reach: how far outside the ladder the point lies.
        accuracy, accuracy_interval: on the task, where the runs told one.
        warnings: what to know before it is leaned on.
    """

    law: str
    size: float
    data: float
    unique: float
    loss: float
    interval: tuple[float, float]
    reach: Reach
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "law": self.law, "n": self.size, "d": self.data, "unique": self.unique,
            "flops": FLOPS_PER_PARAMETER_AND_TOKEN * self.size * self.data, "loss": self.loss,
            "interval": list(self.interval), "level": LEVEL, "extrapolates": self.reach.outside,
            "reach": self.reach.as_json(), "accuracy": self.accuracy,
            "accuracy_interval": None if self.accuracy_interval is None else list(self.accuracy_interval),
            "warnings": list(self.warnings),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Back-tested errors by axis: reach (logarithm), epochs, and error (log of measured over predicted)."""

    reach: Mapping[Axis, Array]
    epochs: Mapping[Axis, Array]
    error: Mapping[Axis, Array]

    @classmethod
    def of(cls, backtest: Backtest) -> Errors:
        axes: tuple[Axis, ...] = ("compute", "size", "data", "fold")
        pooled = {axis: backtest.pooled(axis) for axis in axes}
        return cls(
            reach={axis: part[0] for axis, part in pooled.items()},
            epochs={axis: part[1] for axis, part in pooled.items()},
            error={axis: part[2] for axis, part in pooled.items()},
        )

    def farthest(self, axis: Axis) -> float:
        """The longest reach that was back-tested, a logarithm; 0 where none was."""
        return float(self.reach[axis].max(initial=0.0))

    def half_width(self, axis: Axis, reach: float, epochs: float = 1.0) -> float | None:
        """The 95 % quantile of absolute errors at half to twice the ``reach``; ``None`` where none is known.

        Runs that saw their data more than four times are judged by such runs, and others by others, where
        there are at least eight of the kind. With fewer than twenty errors, those of longer reaches count
        too. Beyond the farthest back-test it grows in proportion to the reach.
        """
        known, error = self._of_epochs(axis, epochs, reach)
        if not len(known):
            return None
        farthest = float(known.max())
        inside = min(reach, farthest)
        like = (known >= inside / 2) & (known <= 2 * inside + _NEAR)
        if like.sum() < _ENOUGH_ERRORS:
            like = known >= inside / 2
        if like.sum() < _FEWEST_ERRORS:
            like = known >= np.sort(known)[-min(_FEWEST_ERRORS, len(known))]
        growth = max(1.0, reach / farthest) if farthest > 0 else 1.0
        return growth * _quantile(error[like])

    def _of_epochs(self, axis: Axis, epochs: float, reach: float) -> tuple[Array, Array]:
        """Reach and absolute error of the runs that repeated their data as this one does.

        Of all runs, where those are fewer than eight or none of them reached as far as others did.
        """
        often = self.epochs[axis] > _EPOCHS_AS_NEW
        kind = often if epochs > _EPOCHS_AS_NEW else ~often
        short = self.reach[axis][kind].max(initial=0.0) < min(reach, self.farthest(axis))
        if kind.sum() < _FEWEST_ERRORS or short:
            kind = np.ones_like(often)
        return self.reach[axis][kind], np.abs(self.error[axis][kind])

    def as_json(self) -> dict[str, Any]:
        return {
            axis: {
                "reach": self.reach[axis].tolist(),
                "epochs": self.epochs[axis].tolist(),
                "error": self.error[axis].tolist(),
            }
            for axis in self.reach
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Errors:
        reach, epochs, error = (
            {axis: np.asarray(part[key], float) for axis, part in data.items()}
            for key in ("reach", "epochs", "error")
        )
        return cls(reach=reach, epochs=epochs, error=error)  # type: ignore[arg-type]


def _quantile(error: Array) -> float:
    """The quantile that a further error stays below with 95 %, as split conformal prediction counts it."""
    rank = min(1.0, LEVEL * (1 + 1 / len(error)))
    return float(np.quantile(error, rank, method="higher"))


def loss_at(law: Law, parameters: Mapping[str, float], size: Array, data: Array, unique: Array) -> Array:
    """The law's loss at plain numbers of parameters and tokens; all three (R,)."""
    cells = cells_of(size, data, unique, centre=False)
    log_loss, _ = law.log_loss_and_slope(law.inner(parameters, cells)[None, :], cells)
    return np.asarray(np.exp(log_loss[0]))


def reach_of(runs: Runs, size: float, data: float, unique: float) -> Reach:
    """How far a point lies outside the ladder."""
    flops = FLOPS_PER_PARAMETER_AND_TOKEN * size * data
    fed = runs.unique if runs.cells.repeated.any() else runs.data
    asked = unique if runs.cells.repeated.any() else data
    return Reach(
        compute=_outside(flops, runs.flops, below=False),
        size=_outside(size, runs.size),
        data=_outside(asked, fed),
        epochs=_outside(data / unique, runs.data / runs.unique, below=False),
    )


def _outside(value: float, known: Array, *, below: bool = True) -> float:
    over = value / float(known.max())
    under = float(known.min()) / value if below else 1.0
    factor = max(over, under, 1.0)
    return factor if factor > _BEYOND else 1.0


def predict(
    law: Law, parameters: Mapping[str, float], runs: Runs, errors: Errors, *,
    size: float, data: float, unique: float | None = None,
) -> Prediction:  # fmt: skip
    """The loss at ``size`` parameters after ``data`` tokens, ``unique`` of them different.

    Raises:
        CheckError: the point lies so far outside that nothing measured speaks for the law there.
    """
    fed = data if unique is None else min(unique, data)
    reach = reach_of(runs, size, data, fed)
    _refuse_far(reach, errors)
    warnings = _warnings(law, runs, reach, data / fed)
    width = half_width(errors, reach, epochs=data / fed)
    loss = float(loss_at(law, parameters, np.array([size]), np.array([data]), np.array([fed]))[0])
    return Prediction(
        law=law.name, size=size, data=data, unique=fed, loss=loss,
        interval=(loss * float(np.exp(-width)), loss * float(np.exp(width))), reach=reach, warnings=warnings,
    )  # fmt: skip


def half_width(errors: Errors, reach: Reach, *, epochs: float) -> float:
    """Of the interval, in log loss: the widest of what the axes say, and of what random folds say."""
    asked: dict[Axis, float] = {"compute": reach.compute, "size": reach.size, "data": reach.data, "fold": 1.0}
    widths = [
        width
        for axis, factor in asked.items()
        if (axis == "fold" or factor > _BEYOND)
        and (width := errors.half_width(axis, float(np.log(factor)), epochs)) is not None
    ]
    if widths:
        return max(widths)
    raise CheckError(
        "the ladder cannot carry a prediction: it has too few runs to leave any out",
        mend="Train more cells: at least three sizes and three amounts of data, nine runs or more.",
    )


def farthest(errors: Errors, axis: Axis) -> float:
    """The largest factor outside the ladder that is not refused on an axis."""
    return float(np.exp(FARTHEST * errors.farthest(axis)))


def _refuse_far(reach: Reach, errors: Errors) -> None:
    for axis, factor in (("compute", reach.compute), ("size", reach.size), ("data", reach.data)):
        most = farthest(errors, axis)  # type: ignore[arg-type]
        if factor > max(most, _BEYOND):
            raise CheckError(
                f"the ladder cannot carry this claim: the point lies {factor:.3g}× outside it in {axis}",
                got=f"{factor:.3g}×",
                allowed=f"up to {most:.3g}×, as far as its own back-tests speak for it",
                mend="Train larger cells, or ask for a point nearer to the ladder.",
            )


def _warnings(law: Law, runs: Runs, reach: Reach, epochs: float) -> tuple[str, ...]:
    found = []
    sides = {"compute": reach.compute, "size": reach.size, "data": reach.data, "epochs": reach.epochs}
    outside = [f"{factor:.3g}× in {name}" for name, factor in sides.items() if factor > _BEYOND]
    if outside:
        found.append(f"extrapolates: outside the ladder by {', '.join(outside)}")
    knows = bool({"R_D", "kappa"} & set(law.parameters))
    if epochs > 1.01 and not knows:
        words = "almost true up to four epochs" if epochs <= _EPOCHS_AS_NEW else "far from true"
        found.append(f"{epochs:.3g} epochs: this law counts a repeated token as a new one, which is {words}")
    if reach.epochs > _BEYOND and runs.cells.repeated.any():
        found.append(f"no run of the ladder saw its data so often: {epochs:.3g} epochs")
    return tuple(found)
