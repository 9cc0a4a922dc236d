"""Whose rows are whose: a step's rows dealt among processes, in order and with about the same work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def dealt(rows: Sequence[int], lengths: Sequence[int], size: int) -> list[list[int]]:
    """The rows in order, in ``size`` shares of about the same number of tokens.

    Each share ends at the row whose end is nearest to its part of all tokens. None is empty where there are
    rows enough; else the first ones have a row each.

    Args:
        rows: indices of a step's rows.
        lengths: tokens of every row of the data, by index.
        size: processes, at least 1.
    """
    ends_tokens = [0, *itertools.accumulate(lengths[row] for row in rows)]
    bounds = [0]
    for place in range(1, size):
        goal = ends_tokens[-1] * place / size
        first, last = bounds[-1] + 1, len(rows) - (size - place)  # leave a row for each share to come
        if first > last:
            bounds.append(min(first, len(rows)))
            continue
        bounds.append(min(range(first, last + 1), key=lambda end: abs(ends_tokens[end] - goal)))
    bounds.append(len(rows))
    return [list(rows[start:end]) for start, end in itertools.pairwise(bounds)]
