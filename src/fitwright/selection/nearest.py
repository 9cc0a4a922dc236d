"""Where no model fits: which one misses least, and which constraint to relax to what."""

from __future__ import annotations

from collections.abc import Sequence

from fitwright.selection.choices import Nearest, Rejection
from fitwright.selection.limits import Miss, shown

WISHES = ("task", "language", "licence", "weights")
"""Constraints that are no number: a model has what was wished for, or it has not."""


def nearest_of(rejected: Sequence[Rejection]) -> Nearest:
    """The way back from an empty answer.

    Of the models that have all that was wished for, the one whose worst miss is least, each miss as a share
    of its limit (of several with the same worst miss, the one that misses fewer). Where there is none, the
    wishes that alone keep models out, with how many.
    """
    numeric = [found for found in rejected if all(miss.excess is not None for miss in found.missed)]
    if not numeric:
        return Nearest(rejection=None, advice=_wishes(rejected), relax={})
    best = min(numeric, key=_badness)
    relax = {miss.constraint: miss.likely for miss in best.missed if miss.likely is not None}
    return Nearest(rejection=best, advice=tuple(_advice(miss) for miss in best.missed), relax=relax)


def _badness(found: Rejection) -> tuple[float, int]:
    return max(miss.excess or 0.0 for miss in found.missed), len(found.missed)


def _advice(miss: Miss) -> str:
    limit, best, likely = (shown(value or 0.0, miss.unit) for value in (miss.limit, miss.best, miss.likely))
    if miss.constraint == "sequence":
        return f"shorten the rows from {limit} to {best}, or split them"
    if miss.constraint.startswith("device memory"):
        return f"take a device with {likely} instead of {limit} (its optimistic estimate: {best})"
    if miss.best == miss.likely:
        return f"relax {miss.constraint} from {limit} to {likely}"
    return f"relax {miss.constraint} from {limit} to {likely} (its optimistic estimate: {best})"


def _wishes(rejected: Sequence[Rejection]) -> tuple[str, ...]:
    alone = dict.fromkeys(WISHES, 0)
    for found in rejected:
        if len(found.missed) == 1 and found.killer.constraint in alone:
            alone[found.killer.constraint] += 1
    lines = [
        f"without the {wish} wish {count} more {'model' if count == 1 else 'models'} would be looked at"
        for wish, count in alone.items()
        if count and wish != "task"
    ]
    return tuple(lines) or ("no model of this task meets two of the wishes together: drop one of them",)
