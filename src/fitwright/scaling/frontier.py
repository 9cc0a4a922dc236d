"""What a law recommends: size and tokens for a compute budget, a size for a fixed amount of data, ten times
more.

The best point is looked for on a fine grid (about 1 % in size) inside what the ladder's back-tests can carry,
so that every law is asked the same way; Chinchilla's closed form (N = G·(C/6)^(beta/(alpha+beta))) agrees to
that 1 % where it applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwright.core.errors import CheckError
from fitwright.scaling.cells import FLOPS_PER_PARAMETER_AND_TOKEN, Array
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.prediction import Errors, farthest, loss_at
from fitwright.scaling.runs import Runs

WITHIN = 0.01
"""Share of the best loss that a smaller model may give away, unless told."""
_POINTS, _EPOCH_POINTS = 1200, 120
_TIMES = 10.0


@dataclass(frozen=True, kw_only=True)
class Best:
    """A size and how long to train it.

    Attributes:
        size, data, unique: parameters, tokens seen, tokens that differ. loss: as the law has it.
        bound: what holds the best point where it is, if not the law: ``size`` or ``epochs`` at the end of
            what the ladder can carry; empty where the law itself has its lowest point there.
    """

    size: float
    data: float
    unique: float
    loss: float
    bound: str = ""

    @property
    def flops(self) -> float:
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.size * self.data

    @property
    def epochs(self) -> float:
        return self.data / self.unique

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.size, "d": self.data, "unique": self.unique, "epochs": self.epochs, "flops": self.flops,
            "tokens_per_parameter": self.data / self.size, "loss": self.loss, "bound": self.bound or None,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """A fitted law that is asked for its best points, inside what its ladder can carry."""

    law: Law
    parameters: Mapping[str, float]
    runs: Runs
    errors: Errors

    def for_compute(self, flops: float, *, unique: float | None = None, within: float = 0.0) -> Best:
        """The size and tokens of the lowest loss for ``flops`` = 6·N·D.

        Args:
            unique: no more than so many different tokens; further ones are repeats. ``None``: data without
                end.
            within: the smallest size whose loss is at most this share above the best, for example 0.01.

        Raises:
            CheckError: so much compute lies too far outside the ladder.
        """
        size = self._sizes()
        data = flops / (FLOPS_PER_PARAMETER_AND_TOKEN * size)
        inside = self._carried(size, data, unique)
        if not inside.any():
            raise self._too_far(f"{flops:.3g} FLOPs")
        size, data = size[inside], data[inside]
        fed = data if unique is None else np.minimum(data, unique)
        loss = loss_at(self.law, self.parameters, size, data, fed)
        return self._pick(size, data, fed, loss, within)

    def for_data(self, unique: float, *, epochs: float | None = None, within: float = 0.0) -> Best:
        """The size of the lowest loss when there are ``unique`` tokens and compute does not matter.

        Args:
            epochs: passes over the data; ``None`` lets each size take its best number, where the ladder
                repeated its data, and one pass where it did not.
            within: as for :meth:`for_compute`.

        Raises:
            CheckError: so much data lies too far outside the ladder.
        """
        passes = np.array([epochs]) if epochs is not None else self._epochs()
        size = np.repeat(self._sizes(), len(passes))
        data = np.tile(unique * passes, len(size) // len(passes))
        inside = self._carried(size, data, unique)
        if not inside.any():
            raise self._too_far(f"{unique:.3g} unique tokens")
        size, data = size[inside], data[inside]
        fed = np.minimum(np.full_like(size, unique), data)
        loss = loss_at(self.law, self.parameters, size, data, fed)
        return self._pick(size, data, fed, loss, within)

    def curve(self, flops: Array) -> list[Best]:
        """The best point at each compute that the ladder can carry."""
        found = []
        for budget in flops:
            try:
                found.append(self.for_compute(float(budget)))
            except CheckError:
                continue
        return found

    def ten_times(self, flops: float) -> Best | None:
        """The best point at ten times the compute; ``None`` where that is too far."""
        try:
            return self.for_compute(_TIMES * flops)
        except CheckError:
            return None

    def ten_times_data(self, unique: float) -> Best | None:
        """The best point with ten times the data; ``None`` where that is too far."""
        try:
            return self.for_data(_TIMES * unique)
        except CheckError:
            return None

    def _sizes(self) -> Array:
        most = farthest(self.errors, "size")
        return np.geomspace(float(self.runs.size.min()) / most, float(self.runs.size.max()) * most, _POINTS)

    def _epochs(self) -> Array:
        """Passes over the data as far as the ladder itself went: no back-test speaks for more."""
        most = float((self.runs.data / self.runs.unique).max())
        return np.ones(1) if most <= 1.01 else np.geomspace(1.0, most, _EPOCH_POINTS)

    def _carried(self, size: Array, data: Array, unique: float | None) -> Any:
        """(R,) of truth: compute, data and epochs no farther than predictions are given for."""
        compute = FLOPS_PER_PARAMETER_AND_TOKEN * size * data
        fed = data if unique is None else np.minimum(data, unique)
        repeats = self.runs.cells.repeated.any()
        known, asked = (self.runs.unique, fed) if repeats else (self.runs.data, data)
        most = farthest(self.errors, "data")
        carried = compute <= self.runs.flops.max() * farthest(self.errors, "compute") * 1.005
        carried &= (asked <= known.max() * most * 1.005) & (asked >= known.min() / most * 0.995)
        return carried & (data / fed <= max(4.0, float((self.runs.data / self.runs.unique).max())) * 1.005)

    def _pick(self, size: Array, data: Array, fed: Array, loss: Array, within: float) -> Best:
        least = float(loss.min())
        good = np.flatnonzero(loss <= least * (1 + within))
        smallest = good[size[good] <= size[good].min() * 1.0001]
        at = int(smallest[np.argmin(loss[smallest])]) if within else int(np.argmin(loss))
        bound = ""
        if not within:
            ends = (size[at] >= size.max() * 0.999, size[at] <= size.min() * 1.001)
            bound = "size" if any(ends) and len(np.unique(size)) > 1 else ""
        return Best(
            size=float(size[at]),
            data=float(data[at]),
            unique=float(fed[at]),
            loss=float(loss[at]),
            bound=bound,
        )

    def _too_far(self, asked: str) -> CheckError:
        low, high = float(self.runs.flops.min()), float(self.runs.flops.max())
        return CheckError(
            "the ladder cannot carry this claim: nothing near it was measured or back-tested", got=asked,
            allowed=f"about {low:.3g} to {high * farthest(self.errors, 'compute'):.3g} FLOPs",
            mend="Train larger cells, or ask nearer to the ladder.",
        )  # fmt: skip
