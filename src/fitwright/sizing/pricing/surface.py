"""Measured cells of one kind of operator: a physical fit, and what it leaves over interpolated between cells.

The fit carries the price where nothing was measured; the interpolated rest adds what a machine does
otherwise at some sizes. So extrapolation keeps the fit's slope with the nearest cell's efficiency. How far
the rest is believed follows from the cells: where neighbours do not agree on it, it is noise, and the fit is
    the better price.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fitwright.core.errors import DataError
from fitwright.sizing.pricing.features import KINDS, Dims

_NEAREST_COLUMNS = 4
_SWEEPS = 400
_FEWEST_JUDGES = 6
"""Cells with a neighbour on either side, below which the rest is believed as it is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measured point.

    Attributes:
        at: coordinates, as ``KINDS[kind].axes`` names them.
        seconds: of one call, the median of the fastest half of the samples.
        spread: half the range of that half, relative to ``seconds``.
    """

    at: Dims
    seconds: float
    spread: float


@dataclass(frozen=True, slots=True)
class Priced:
    """Seconds of one call, and whether the point lies outside of what was measured."""

    seconds: float
    outside: bool


@dataclass
class Surface:
    """Cells of one kind, ready to be asked.

    Args:
        kind: key of :data:`~fitwright.sizing.pricing.features.KINDS`.
        cells: at least one.
        coefficients: of the kind's terms; fitted where there are none.
        trust: share of the interpolated rest that goes into a price; found where it is not given
            (:func:`agreement`).

    Raises:
        DataError: no cells, an unknown kind, or a time that is not positive.
    """

    kind: str
    cells: tuple[Cell, ...]
    coefficients: tuple[float, ...] = ()
    trust: float | None = None
    _columns: dict[Dims, tuple[list[float], list[float]]] = field(default_factory=dict, repr=False)
    _answers: dict[Dims, Priced] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError("unknown kind of surface", got=self.kind, allowed=", ".join(KINDS))
        kind = KINDS[self.kind]
        axes = len(kind.axes)
        usable = (c.seconds > 0 and len(c.at) == axes and min(c.at) > 0 for c in self.cells)
        if not self.cells or not all(usable):
            places = ", ".join(kind.axes)
            raise DataError(f"a surface of kind {self.kind} needs cells with a time at positive {places}")
        if not self.coefficients:
            rows = [kind.terms(cell.at) for cell in self.cells]
            self.coefficients = fit(rows, [cell.seconds for cell in self.cells])
        if self.trust is None:
            self._fill()
            self.trust = agreement(self._columns.values())

    def _fill(self) -> None:
        """Sort the cells into columns: once, and only of surfaces that are asked."""
        line = KINDS[self.kind].line
        for cell in sorted(self.cells, key=lambda c: c.at[line]):
            places, rests = self._columns.setdefault(_without(cell.at, line), ([], []))
            places.append(math.log2(cell.at[line]))
            rests.append(math.log(cell.seconds / self._fitted(cell.at)))

    def price(self, at: Dims) -> Priced:
        """Seconds of one call at those coordinates (each at least 1)."""
        found = self._answers.get(at)
        if found is None:
            found = self._answers[at] = self._priced(at)
        return found

    def _priced(self, at: Dims) -> Priced:
        if not self._columns:
            self._fill()
        line = KINDS[self.kind].line
        place, group = math.log2(at[line]), _without(at, line)
        column = self._columns.get(group)
        chosen = [(1.0, column, 0.0)] if column is not None else self._near(group)
        weight = rest = 0.0
        outside = chosen[0][2] > 2.0  # the nearest column is further than a factor of 4 away
        for share, (places, rests), _ in chosen:
            weight += share
            rest += share * _interpolated(places, rests, place)
        places = chosen[0][1][0]
        outside = outside or place > places[-1] + 2 or place < places[0] - 1
        return Priced(self._fitted(at) * math.exp((self.trust or 0.0) * rest / weight), outside)

    def _near(self, group: Dims) -> list[tuple[float, tuple[list[float], list[float]], float]]:
        """The nearest columns with their weights (inverse square of the distance in octaves)."""
        far = KINDS[self.kind].far

        def place(of: Dims) -> list[float]:
            return [weight * math.log2(value) for weight, value in zip(far, of, strict=True)]

        here = place(group)
        distances = sorted((math.dist(here, place(other)), other) for other in self._columns)[
            :_NEAREST_COLUMNS
        ]
        return [(1.0 / max(d, 1e-6) ** 2, self._columns[other], d) for d, other in distances]

    def _fitted(self, at: Dims) -> float:
        terms = KINDS[self.kind].terms(at)
        return sum(c * t for c, t in zip(self.coefficients, terms, strict=True))

    def as_json(self) -> dict[str, Any]:
        """``{kind, coefficients, trust, cells: [[…coordinates, seconds, spread], …]}``."""
        cells = [[*cell.at, float(f"{cell.seconds:.5g}"), round(cell.spread, 4)] for cell in self.cells]
        return {
            "kind": self.kind, "coefficients": list(self.coefficients), "trust": round(self.trust or 0.0, 3),
            "cells": cells,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Surface:
        """The inverse of :meth:`as_json`.

        Raises:
            DataError: not such a value.
        """
        try:
            cells = tuple(Cell(tuple(map(float, row[:-2])), row[-2], row[-1]) for row in data["cells"])
            return cls(data["kind"], cells, tuple(data["coefficients"]), data.get("trust"))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"not a surface of a device profile: {error!r}") from None


def agreement(columns: Iterable[tuple[list[float], list[float]]]) -> float:
    """How far the cells between two others bear out what these say of their rest: 0 (noise) to 1.

    The least-squares factor on the rest that the neighbours interpolate to, over all cells that have one on
    either side in their column. It shrinks as regression to the mean does: by the share of noise in the
    rests. 1 where fewer than 6 cells can judge.
    """
    together = square = 0.0
    judges = 0
    for places, rests in columns:
        for i in range(1, len(places) - 1):
            told = _interpolated([places[i - 1], places[i + 1]], [rests[i - 1], rests[i + 1]], places[i])
            together += told * rests[i]
            square += told * told
            judges += 1
    if judges < _FEWEST_JUDGES or square <= 1e-9 * judges:
        return 1.0
    return min(1.0, max(0.0, together / square))


def fit(rows: Sequence[tuple[float, ...]], seconds: Sequence[float]) -> tuple[float, ...]:
    """Coefficients, none negative, that minimise the relative squared error of ``Σ coefficient × term``.

    Scaled so that half of the cells lie above: the squares alone would go below noisy cells. The first is
    held above zero, so that no price is zero.
    """
    scaled = [[term / s for term in row] for row, s in zip(rows, seconds, strict=True)]
    order = [*range(1, len(rows[0])), 0]  # where cells are too few to tell, the work explains the time
    plain = non_negative(scaled, [1.0] * len(scaled), order)
    shares = sorted(sum(c * t for c, t in zip(plain, row, strict=True)) for row in scaled)
    middle = (shares[(len(shares) - 1) // 2] + shares[len(shares) // 2]) / 2
    plain = [value / middle if middle > 0 else value for value in plain]
    plain[0] = max(plain[0], 1e-3 * min(seconds))
    return tuple(plain)


def non_negative(
    rows: Sequence[Sequence[float]], targets: Sequence[float], order: Sequence[int] | None = None
) -> list[float]:
    """The x without a negative part that minimises ``|rows · x − targets|²``.

    Cyclic coordinate descent on the normal equations (Franc, Hlaváč, Navara 2005, "Sequential coordinate-wise
    algorithm for the non-negative least squares problem"). Known error: 400 sweeps, which nearly parallel
    columns may not be content with.

    Args:
        order: in which the coordinates are visited; where the rows cannot tell them apart, earlier ones
            explain.
    """
    width = len(rows[0])
    norms = [max(math.sqrt(sum(row[j] ** 2 for row in rows)), 1e-300) for j in range(width)]
    scaled = [[row[j] / norms[j] for j in range(width)] for row in rows]
    gram = [[sum(row[i] * row[j] for row in scaled) for j in range(width)] for i in range(width)]
    slope = [-sum(row[j] * t for row, t in zip(scaled, targets, strict=True)) for j in range(width)]
    found = [0.0] * width
    for _ in range(_SWEEPS):
        for j in order or range(width):
            if gram[j][j] <= 0:
                continue
            new = max(0.0, found[j] - slope[j] / gram[j][j])
            if new != found[j]:
                step = new - found[j]
                found[j] = new
                for i in range(width):
                    slope[i] += step * gram[i][j]
    return [value / norm for value, norm in zip(found, norms, strict=True)]


def _without(at: Dims, place: int) -> Dims:
    return at[:place] + at[place + 1 :]


def _interpolated(places: list[float], values: list[float], at: float) -> float:
    """Piecewise linear; beyond the ends the end's value."""
    right = bisect_left(places, at)
    if right == 0:
        return values[0]
    if right == len(places):
        return values[-1]
    share = (at - places[right - 1]) / (places[right] - places[right - 1])
    return values[right - 1] + share * (values[right] - values[right - 1])
