"""How operators fare in a model beside how they fare alone: a factor for each group of work.

An operator timed alone finds other caches, another state of the memory allocator and threads that slept.
What that comes to is read off reference models, whose groups weigh differently in each.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from fitwright.sizing.pricing.groups import BESIDE_OPERATORS
from fitwright.sizing.pricing.surface import non_negative

_EXACT = 0.05
"""Relative errors below this count alike: they are the noise of the reference models."""
_STIFFNESS = 0.03
"""Weight of staying with the common factor, beside a reference model's of 1."""
_PASSES = 30


def factors(parts: Sequence[Mapping[str, float]], seconds: Sequence[float]) -> dict[str, float]:
    """A factor for each group so that the parts of every model, so weighed, come nearest to its time.

    Minimises the sum of absolute relative errors (squared below 5 %) and 0.03 · Σ (factor − common factor)²,
    so that a group which no model tells of gets the common one: the median over the models of what their
    operators took divided by what they are priced at. Python, page faults and sessions start from 1. By
    iteratively reweighted least squares (Holland and Welsch 1977, "Robust regression using iteratively
    reweighted least-squares").

    Args:
        parts: seconds by group of each reference model, as priced from operators alone; at least one group
            above 0.
        seconds: that each took.

    Returns:
        Factors by group, none negative; of every group in any part.
    """
    groups = sorted({group for part in parts for group in part})
    common = statistics.median(map(_ratio, parts, seconds))
    prior = [1.0 if group in BESIDE_OPERATORS else common for group in groups]
    shares = [[part.get(group, 0.0) / s for group in groups] for part, s in zip(parts, seconds, strict=True)]
    pull = [[math.sqrt(_STIFFNESS) * (i == j) for j in range(len(groups))] for i in range(len(groups))]
    pulled = [math.sqrt(_STIFFNESS) * value for value in prior]
    found = prior
    for _ in range(_PASSES):
        errors = [abs(sum(f * s for f, s in zip(found, row, strict=True)) - 1) for row in shares]
        weights = [math.sqrt(_EXACT / max(error, _EXACT)) for error in errors]
        rows = [[w * share for share in row] for w, row in zip(weights, shares, strict=True)]
        found = non_negative([*rows, *pull], [*weights, *pulled])
    return dict(zip(groups, found, strict=True))


def _ratio(part: Mapping[str, float], seconds: float) -> float:
    """Measured over priced time of the operators, at least half of which is theirs."""
    beside_s = sum(part.get(group, 0.0) for group in BESIDE_OPERATORS)
    return max(seconds - beside_s, 0.5 * seconds) / max(sum(part.values()) - beside_s, 1e-12)
