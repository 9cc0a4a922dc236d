"""When a larger model stops paying for the data: measured where the ladder shows it, beside two relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwright.scaling.runs import Runs

NIU_COEFFICIENT = 8.6e-10
"""N = coefficient·D², read from three sizes: 40, 60 and 80 million parameters stop over-fitting at about 214,
262 and 309 million tokens (8.7e-10, 8.7e-10, 8.4e-10). Niu et al. 2024 (Beyond Scaling Laws: Understanding
Transformer Performance with Associative Memory). Known error: three points within a factor of two."""
_FEWEST_SIZES, _SAME = 3, 0.05


@dataclass(frozen=True, kw_only=True)
class Turn:
    """For one amount of unique tokens: the size with the lowest loss that any of its runs reached.

    Attributes:
        turned: a larger size was run and did worse, so that the turn is seen; else it may lie higher.
        memory_size: N of the associative-memory relation at these unique tokens, a diagnostic.
    """

    unique: float
    best: float
    loss: float
    sizes: int
    turned: bool
    memory_size: float

    def as_json(self) -> dict[str, Any]:
        return {
            "unique": self.unique, "best_n": self.best, "loss": self.loss, "sizes": self.sizes,
            "turned": self.turned, "associative_memory_n": self.memory_size,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Turns:
    """All amounts of data that were run with three sizes or more, repeats included.

    ``exponent``: of best N over U through those that turned; ``None`` with fewer than three.
    """

    turns: tuple[Turn, ...]
    exponent: float | None

    def as_json(self) -> dict[str, Any]:
        return {
            "turns": [turn.as_json() for turn in self.turns],
            "exponent": self.exponent,
            "note": (
                "associative_memory_n is N = 8.6e-10·U² (Niu et al. 2024), read from three sizes between "
                "40 and 80 "
                "million parameters: a diagnostic, not a rule. Public repeated-data runs suggest N ~ U^0.5."
            ),
        }


def turns(runs: Runs) -> Turns | None:
    """The measured turns; ``None`` where no data was run in three sizes with repeats among them."""
    if not runs.cells.repeated.any():
        return None
    found = [turn for unique in _amounts(runs) if (turn := _turn(runs, unique)) is not None]
    if not found:
        return None
    seen = [turn for turn in found if turn.turned]
    exponent = None
    if len(seen) >= _FEWEST_SIZES:
        rate, _ = np.polyfit(np.log([t.unique for t in seen]), np.log([t.best for t in seen]), 1)
        exponent = float(rate)
    return Turns(turns=tuple(found), exponent=exponent)


def memory_size(unique: float) -> float:
    """N that U unique tokens can just feed by the associative-memory relation: a diagnostic, not a rule."""
    return NIU_COEFFICIENT * unique**2


def _amounts(runs: Runs) -> list[float]:
    values, counts = np.unique(np.round(np.log(runs.unique) / _SAME) * _SAME, return_counts=True)
    return [
        float(np.exp(value)) for value, count in zip(values, counts, strict=True) if count >= _FEWEST_SIZES
    ]


def _turn(runs: Runs, unique: float) -> Turn | None:
    near = np.abs(np.log(runs.unique / unique)) < _SAME
    sizes = np.unique(runs.size[near])
    if len(sizes) < _FEWEST_SIZES or not (near & runs.cells.repeated).any():
        return None
    lowest = np.array([runs.loss[near & (runs.size == size)].min() for size in sizes])
    at = int(np.argmin(lowest))
    exact = float(np.median(runs.unique[near]))
    return Turn(
        unique=exact, best=float(sizes[at]), loss=float(lowest[at]), sizes=len(sizes),
        turned=at < len(sizes) - 1, memory_size=memory_size(exact),
    )  # fmt: skip
