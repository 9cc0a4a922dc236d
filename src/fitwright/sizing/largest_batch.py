"""The largest batch that fits."""

from __future__ import annotations

from collections.abc import Callable

from fitwright.core.errors import UsageError

LIMIT = 65_536


def largest_batch(fits: Callable[[int], bool], *, limit: int = LIMIT) -> int:
    """The largest batch from 1 to ``limit`` for which ``fits`` is true; 0 if not even 1 fits.

    Doubles until it no longer fits, then bisects: about 2·log₂ of the result calls. ``fits`` must be true up
    to some batch and false from there on; where fragmentation makes it waver, the result fits, but need not
    be the very last.

    Raises:
        UsageError: ``limit`` below 1.
    """
    if limit < 1:
        raise UsageError("the limit of the batch must be at least 1", got=limit)
    if not fits(1):
        return 0
    low = 1
    while low < limit and fits(min(2 * low, limit)):
        low = min(2 * low, limit)
    high = min(2 * low, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
