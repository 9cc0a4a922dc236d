"""Laws that are a floor and a sum of power terms: L = E + Σ coefficient · Π quantity^exponent.

Their logarithm is a log-sum-exp of what is linear in the parameters, so slopes are exact and cheap.

Legend of shapes: R runs, B problems, P parameters, K terms with the floor, G grid points, S starts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fitwright.scaling.cells import Array, Cells

_EXPONENTS = (0.02, 3.0)
_LOG_COEFFICIENT = (-60.0, 60.0)
_GRID = {1: (40,), 2: (22, 22), 3: (10, 10, 4), 4: (8, 8, 3, 3)}
"""Points of the grid of exponents, by how many there are."""
_GRID_ENDS = (0.04, 1.5)
_LEAST_REPEATS = 1e-9
_NUMBERS_PER_CHUNK = 4_000_000


@dataclass(frozen=True)
class Power:
    """``quantity`` to the power of ``exponent``; ``sign`` −1 divides by it."""

    quantity: str
    exponent: str
    sign: int = -1


@dataclass(frozen=True)
class Term:
    """``coefficient`` times its powers."""

    coefficient: str
    powers: tuple[Power, ...]


@dataclass(frozen=True, kw_only=True)
class PowerTerms:
    """A :class:`~fitwright.scaling.laws.interface.Law` made of terms; the floor is called ``E``.

    Attributes:
        shown: public names in the order people know them.
        same: exponents that have no number of their own: public name → the exponent that it equals.
    """

    name: str
    formula: str
    terms: tuple[Term, ...]
    shown: tuple[str, ...]
    same: Mapping[str, str]

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.shown

    @property
    def inner_names(self) -> tuple[str, ...]:
        return ("E", *(term.coefficient for term in self.terms), *self._exponents)

    @property
    def _exponents(self) -> tuple[str, ...]:
        used = (power.exponent for term in self.terms for power in term.powers)
        return tuple(dict.fromkeys(used))

    def box(self) -> tuple[Array, Array]:
        """Coefficients are all but free; exponents stay from 0.02 to 3."""
        coefficients, exponents = len(self.terms) + 1, len(self._exponents)
        ends = [[_LOG_COEFFICIENT[i]] * coefficients + [_EXPONENTS[i]] * exponents for i in (0, 1)]
        return np.array(ends[0]), np.array(ends[1])

    def log_loss_and_slope(self, theta_BP: Array, cells: Cells) -> tuple[Array, Array]:
        """log L = logsumexp of the terms; the slope by a term's coefficient is that term's share of the
        loss."""
        names = self.inner_names
        logs = [np.broadcast_to(theta_BP[:, :1], (len(theta_BP), len(cells)))]
        for place, term in enumerate(self.terms, start=1):
            log_term = np.repeat(theta_BP[:, place, None], len(cells), axis=1)
            for power in term.powers:
                exponent = theta_BP[:, names.index(power.exponent), None]
                log_term += power.sign * exponent * _feature(power.quantity, cells)
            logs.append(log_term)
        highest = np.maximum.reduce(logs)
        parts = [np.exp(log_term - highest) for log_term in logs]
        total = np.add.reduce(parts)
        slope = np.zeros((len(theta_BP), len(names), len(cells)))
        slope[:, 0] = parts[0] / total
        for place, term in enumerate(self.terms, start=1):
            share = parts[place] / total
            slope[:, place] = share
            for power in term.powers:
                slope[:, names.index(power.exponent)] += power.sign * share * _feature(power.quantity, cells)
        return highest + np.log(total), slope

    def starts(self, cells: Cells, loss_R: Array, weight_BR: Array, count: int) -> Array:
        """Variable projection (Golub and Pereyra 1973): for exponents on a grid the coefficients are linear.

        They are solved by least squares on relative errors, held above zero; ``count`` bands of the first
        exponent give one start each, ordered by their error.
        """
        grid_GX = _grid(len(self._exponents))
        chunk = max(1, _NUMBERS_PER_CHUNK // (len(grid_GX) * (len(self.terms) + 2) ** 2))
        parts = [
            self._starts(cells, loss_R, weight_BR[at : at + chunk], grid_GX, count)
            for at in range(0, len(weight_BR), chunk)
        ]
        return np.concatenate(parts)

    def _starts(self, cells: Cells, loss_R: Array, weight_BR: Array, grid_GX: Array, count: int) -> Array:
        design_GKR = self._design(grid_GX, cells) / loss_R
        products = np.einsum("gkr,glr->rgkl", design_GKR, design_GKR).reshape(len(cells), -1)
        terms = len(self.terms) + 1
        matrix = (weight_BR @ products).reshape(len(weight_BR), len(grid_GX), terms, terms)
        right = np.einsum("br,gkr->bgk", weight_BR, design_GKR, optimize=True)
        ridge = 1e-10 * np.einsum("bgkk->bg", matrix)[..., None, None] * np.eye(terms)
        solved = np.linalg.solve(matrix + ridge, right[..., None])[..., 0]
        least = 1e-3 * np.average(loss_R, weights=weight_BR.mean(axis=0) + 1e-12)
        solved = np.maximum(solved, least)
        error = np.einsum("bgk,bgkl,bgl->bg", solved, matrix, solved, optimize=True)
        error -= 2 * np.einsum("bgk,bgk->bg", solved, right)
        bands = np.array_split(np.argsort(grid_GX[:, 0], kind="stable"), count)
        chosen = np.stack([band[np.argmin(error[:, band], axis=1)] for band in bands], axis=1)
        rows = np.arange(len(weight_BR))[:, None]
        order = np.argsort(error[rows, chosen], axis=1)
        chosen = chosen[rows, order]
        return np.concatenate([np.log(solved[rows, chosen]), grid_GX[chosen]], axis=2)

    def _design(self, grid_GX: Array, cells: Cells) -> Array:
        exponents = self._exponents
        columns = [np.ones((len(grid_GX), len(cells)))]
        for term in self.terms:
            log_term = np.zeros((len(grid_GX), len(cells)))
            for power in term.powers:
                exponent = grid_GX[:, exponents.index(power.exponent), None]
                log_term += power.sign * exponent * _feature(power.quantity, cells)
            columns.append(np.exp(log_term))
        return np.stack(columns, axis=1)

    def public(self, theta_BP: Array, cells: Cells) -> dict[str, Array]:
        """Coefficients as they stand before absolute numbers of parameters and tokens."""
        names = self.inner_names
        values = {name: theta_BP[:, names.index(name)] for name in self._exponents}
        values["E"] = np.exp(theta_BP[:, 0])
        for place, term in enumerate(self.terms, start=1):
            shift = sum(p.sign * values[p.exponent] * _reference(p.quantity, cells) for p in term.powers)
            values[term.coefficient] = np.exp(theta_BP[:, place] - shift)
        values |= {name: values[other] for name, other in self.same.items()}
        return {name: values[name] for name in self.shown}

    def inner(self, values: Mapping[str, float], cells: Cells) -> Array:
        logs = [np.log(values["E"])]
        for term in self.terms:
            shift = sum(p.sign * values[p.exponent] * _reference(p.quantity, cells) for p in term.powers)
            logs.append(np.log(values[term.coefficient]) + shift)
        return np.array([*logs, *(values[name] for name in self._exponents)], float)


def _feature(quantity: str, cells: Cells) -> Array:
    """(R,): the logarithm of a quantity, relative to the cells' reference."""
    match quantity:
        case "size":
            return cells.size
        case "data":
            return cells.data
        case "repeats":
            return np.log(np.maximum(np.expm1(cells.data - cells.unique), _LEAST_REPEATS))
        case _:
            return cells.size - cells.unique


def _reference(quantity: str, cells: Cells) -> float:
    references = {"size": cells.size_reference, "data": cells.data_reference, "repeats": 0.0}
    return references.get(quantity, cells.size_reference - cells.data_reference)


def _grid(exponents: int) -> Array:
    axes = [np.geomspace(*_GRID_ENDS, points) for points in _GRID[exponents]]
    return np.array(list(itertools.product(*axes)))


_SIZE, _DATA = Power("size", "alpha"), Power("data", "beta")

CHINCHILLA = PowerTerms(
    name="chinchilla",
    formula="L = E + A/N^alpha + B/D^beta",
    terms=(Term("A", (_SIZE,)), Term("B", (_DATA,))),
    shown=("E", "A", "B", "alpha", "beta"),
    same={},
)
"""Hoffmann et al. 2022 (Training Compute-Optimal Large Language Models), equation 2.

Known error: their own fit was wrong; refitted by Besiroglu et al. 2024 (Chinchilla Scaling: A replication
attempt). Tells repeated tokens from new ones nowhere.
"""

CHINCHILLA_TIED = PowerTerms(
    name="chinchilla-tied",
    formula="L = E + A/N^alpha + B/D^alpha",
    terms=(Term("A", (_SIZE,)), Term("B", (Power("data", "alpha"),))),
    shown=("E", "A", "B", "alpha", "beta"),
    same={"beta": "alpha"},
)
"""The same with one exponent, as Muennighoff et al. 2023 (Scaling Data-Constrained Language Models) fit it: a
number less to get wrong, and best tokens per parameter that do not change with compute."""

DATA_ONLY = PowerTerms(
    name="data-only",
    formula="L = E + B/D^beta",
    terms=(Term("B", (_DATA,)),),
    shown=("E", "B", "beta"),
    same={},
)
"""Hestness et al. 2017 (Deep Learning Scaling is Predictable, Empirically): one size, growing data."""

OVERFITTING = PowerTerms(
    name="overfitting",
    formula="L = E + A/N^alpha + B/D^beta + K·(D/U − 1)^kappa·(N/U)^nu",
    terms=(
        Term("A", (_SIZE,)),
        Term("B", (_DATA,)),
        Term("K", (Power("repeats", "kappa", 1), Power("load", "nu", 1))),
    ),
    shown=("E", "A", "B", "alpha", "beta", "K", "kappa", "nu"),
    same={},
)
"""Chinchilla's form with a penalty that grows with repeats and with parameters per unique token.

Ours; the only one here whose loss can rise again as epochs are added. Known error: eight numbers, so that it
fits best in sample and may be far off outside it: only leaving cells out can speak for it.
"""
