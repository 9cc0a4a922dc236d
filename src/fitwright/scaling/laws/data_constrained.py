"""Repeated tokens are worth less each time, and so are parameters beyond what the unique tokens can feed.

L = E + A/N'^alpha + B/D'^beta with

    D' = U + U·R_D·(1 − exp(−(D/U − 1)/R_D))       R_D: after about so many repeats the worth is used up
    N' = V + V·R_N·(1 − exp(−(N/V − 1)/R_N))       V = min(N, size that U tokens feed best)
    V  = ((alpha·A)/(beta·B))^(1/alpha) · U^(beta/alpha)

Muennighoff et al. 2023 (Scaling Data-Constrained Language Models), equations 5 and 6, with alpha = beta.
Known
error: cannot rise again as epochs are added, so that it under-predicts the loss after very many; beyond V a
larger model never hurts. Legend of shapes: R runs, B problems, P parameters, S starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fitwright.scaling.cells import Array, Cells
from fitwright.scaling.laws.power_terms import CHINCHILLA, CHINCHILLA_TIED

_E, _A, _B, _ALPHA = 0, 1, 2, 3
_LOG_REPEATS = (-3.0, 9.0)
_FAR = 20.0
"""Logarithm of the excess beyond which nothing more is gained (and exp would overflow)."""
_GRID_REPEATS, _GRID_SIZES = (3.0, 15.0), (3.0, 30.0)


@dataclass(frozen=True)
class DataConstrained:
    """The law with one exponent for size and data, as published (``tied``), or with two."""

    tied: bool

    @property
    def name(self) -> str:
        return "data-constrained-tied" if self.tied else "data-constrained"

    @property
    def formula(self) -> str:
        same = ", alpha = beta" if self.tied else ""
        return (
            f"L = E + A/N'^alpha + B/D'^beta, N' and D' what repeated parameters and tokens are worth{same}"
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("E", "A", "B", "alpha", "beta", "R_D", "R_N")

    @property
    def inner_names(self) -> tuple[str, ...]:
        return ("E", "A", "B", "alpha", *(() if self.tied else ("beta",)), "R_D", "R_N")

    def box(self) -> tuple[Array, Array]:
        low, high = (CHINCHILLA_TIED if self.tied else CHINCHILLA).box()
        ends = [np.full(2, value) for value in _LOG_REPEATS]
        return np.concatenate([low, ends[0]]), np.concatenate([high, ends[1]])

    def log_loss_and_slope(self, theta_BP: Array, cells: Cells) -> tuple[Array, Array]:
        """The chain rule through N', D' and V; V moves with A, B, alpha and beta."""
        alpha, beta = theta_BP[:, _ALPHA, None], theta_BP[:, self._beta, None]
        log_a, log_b = theta_BP[:, _A, None], theta_BP[:, _B, None]
        tokens, tokens_by_repeats = _worth(cells.data, cells.unique, np.exp(theta_BP[:, -2, None]))
        fed = (np.log(alpha) + log_a - np.log(beta) - log_b + beta * cells.unique) / alpha
        capped = fed < cells.size
        base = np.where(capped, fed, cells.size)
        repeats = np.exp(theta_BP[:, -1, None])
        size, size_by_repeats = _worth(cells.size, base, repeats)
        size_by_base = np.where(
            capped,
            1 - _leftover(cells.size, base, repeats) * np.exp(np.minimum(cells.size - size, _FAR)),
            0.0,
        )

        logs = [np.broadcast_to(theta_BP[:, :1], size.shape), log_a - alpha * size, log_b - beta * tokens]
        highest = np.maximum.reduce(logs)
        parts = [np.exp(log_term - highest) for log_term in logs]
        total = np.add.reduce(parts)
        floor, by_size, by_data = (part / total for part in parts)

        through = -alpha * by_size * size_by_base
        slope = np.zeros((*theta_BP.shape, len(cells)))
        slope[:, _E] = floor
        slope[:, _A] = by_size + through / alpha
        slope[:, _B] = by_data - through / alpha
        slope[:, _ALPHA] = -by_size * size + through * (1 / alpha - fed) / alpha
        slope[:, self._beta] += -by_data * tokens + through * (cells.unique - 1 / beta) / alpha
        slope[:, -2] = -beta * by_data * tokens_by_repeats
        slope[:, -1] = -alpha * by_size * size_by_repeats
        return highest + np.log(total), slope

    @property
    def _beta(self) -> int:
        return _ALPHA if self.tied else _ALPHA + 1

    def starts(self, cells: Cells, loss_R: Array, weight_BR: Array, count: int) -> Array:
        """Chinchilla's starts on the runs that repeat least, times a small grid of R_D and R_N."""
        base = CHINCHILLA_TIED if self.tied else CHINCHILLA
        often = cells.data - cells.unique
        seldom = weight_BR * np.exp(-np.square(often / np.log(4)))
        few = base.starts(cells, loss_R, seldom, max(1, count // 4))
        grid = [(rd, rn) for rd in _GRID_REPEATS for rn in _GRID_SIZES][: max(1, min(4, count))]
        blocks = [
            np.concatenate([few, np.broadcast_to(np.log(pair), (*few.shape[:2], 2))], axis=2) for pair in grid
        ]
        return np.concatenate(blocks, axis=1)

    def public(self, theta_BP: Array, cells: Cells) -> dict[str, Array]:
        base = (CHINCHILLA_TIED if self.tied else CHINCHILLA).public(theta_BP[:, :-2], cells)
        return {**base, "R_D": np.exp(theta_BP[:, -2]), "R_N": np.exp(theta_BP[:, -1])}

    def inner(self, values: Mapping[str, float], cells: Cells) -> Array:
        base = (CHINCHILLA_TIED if self.tied else CHINCHILLA).inner(values, cells)
        return np.concatenate([base, np.log([values["R_D"], values["R_N"]])])


def _worth(whole: Array, once: Array, repeats: Array) -> tuple[Array, Array]:
    """(B, R): log of what ``whole`` is worth where ``once`` counts fully, and its slope by log
    ``repeats``."""
    more = np.expm1(np.clip(whole - once, 0.0, _FAR))
    left = np.exp(-more / repeats)
    gained = 1 + repeats * (1 - left)
    return once + np.log(gained), repeats * (1 - left - left * more / repeats) / gained


def _leftover(whole: Array, once: Array, repeats: Array) -> Array:
    """exp(−R/R*): the share of its worth that the next repeat still has."""
    more = np.expm1(np.clip(whole - once, 0.0, _FAR))
    return np.asarray(np.exp(-more / repeats))
