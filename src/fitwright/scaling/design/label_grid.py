"""Which cells a ladder of labelled data has: nested amounts of rows, few and many epochs, repeated draws.

Amounts go up in equal ratios to all the rows that there are, at most 64 times the smallest. Many epochs are
tried where they cost no more than the largest encoder's few epochs of all rows: few rows make few steps, and
small encoders from scratch need many. Amounts of at most a quarter are drawn several times: which rows they
hold matters most there, and they are cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitwright.core.errors import DataError, UsageError
from fitwright.core.units import format_seconds

AMOUNTS, SPREAD, LEAST_SPREAD = 7, 64, 8
"""Amounts of a ladder; largest over smallest, where the data allows it; and at least."""
FEWEST_AMOUNTS = 6
FEWEST_ROWS, FEWEST_PER_CLASS = 16, 4
"""Of the smallest amount: below it a model is told by which rows it happened to get."""
_DRAWN_AGAIN = 4
_MOST_BATCH, _LEAST_BATCH, _STEPS_AN_EPOCH = 32, 8, 8
BATCH_RULE = (
    "32 rows a step, as train has it; of few rows a power of two that leaves eight steps an epoch, 8 at least"
)


@dataclass(frozen=True, kw_only=True)
class LabelPoint:
    """A cell of one encoder: rows, passes over them, which draw of them."""

    rows: int
    epochs: int
    draw: int


def smallest_amount(classes: int) -> int:
    """Rows of the smallest amount that is tried."""
    return max(FEWEST_ROWS, FEWEST_PER_CLASS * classes)


def amounts_up_to(most: int, classes: int) -> tuple[int, ...]:
    """Amounts in equal ratios, ascending, the last of them ``most``.

    Raises:
        DataError: too few rows for a ladder.
    """
    least = smallest_amount(classes)
    if most < least * LEAST_SPREAD:
        raise DataError(
            "too few labelled rows for a ladder: its largest amount is at least "
            f"{LEAST_SPREAD} times its smallest",
            got=f"{most:,} different rows to train on", allowed=f"{least * LEAST_SPREAD:,} or more",
            mend=f"The smallest is {FEWEST_ROWS} rows, or {FEWEST_PER_CLASS} a class. Label more, or "
            "compare the models on what there is with 'fitwright fit'.",
        )  # fmt: skip
    spread = min(SPREAD, most / least)
    return tuple(round(most / spread ** (1 - step / (AMOUNTS - 1))) for step in range(AMOUNTS))


def check_amounts(rows: Sequence[int], available: int, classes: int) -> tuple[int, ...]:
    """Amounts that somebody chose, ascending.

    Raises:
        UsageError: too few of them, too close together, too small. DataError: more than there are rows.
    """
    found = tuple(sorted(set(rows)))
    least = smallest_amount(classes)
    if found and found[-1] > available:
        raise DataError("the data has fewer labelled rows than the ladder asks for",
                        got=f"{available:,} different rows to train on", allowed=f"{found[-1]:,} or more",
                        mend="Lower the largest of --rows, or label more.")  # fmt: skip
    if len(found) < FEWEST_AMOUNTS or found[0] < least or found[-1] < found[0] * LEAST_SPREAD:
        raise UsageError(
            "these amounts of rows carry no learning curve", got=", ".join(map(str, rows)),
            allowed=f"{FEWEST_AMOUNTS} or more, each at least {least}, the largest at least {LEAST_SPREAD} "
            "times the smallest",
        )  # fmt: skip
    return found


def points_of(
    amounts: Sequence[int], epochs: Sequence[int], draws: int, *, room: float = 1.0
) -> tuple[LabelPoint, ...]:
    """The cells of one encoder, largest first.

    Args:
        room: what a row costs the ladder's largest encoder, over what it costs this one.
    """
    most, few = max(amounts), min(epochs)
    found = [
        LabelPoint(rows=rows, epochs=passes, draw=draw)
        for rows in amounts
        for passes in epochs
        for draw in range(draws if rows * _DRAWN_AGAIN <= most else 1)
        if passes == few or rows * passes <= most * few * room
    ]
    return tuple(sorted(found, key=lambda point: (-point.rows * point.epochs, -point.rows, point.draw)))


def batch_rows(rows: int) -> int:
    """Rows of an optimiser step (:data:`BATCH_RULE`)."""
    most = max(_LEAST_BATCH, rows // _STEPS_AN_EPOCH)
    return int(min(_MOST_BATCH, 2 ** (most.bit_length() - 1)))


def most_within(budget: float, available: int, classes: int, cost: Callable[[Sequence[int]], float]) -> int:
    """The largest amount whose ladder costs no more than the budget: all rows, if they do.

    Args:
        budget: in the unit of ``cost``, which prices the amounts of a whole ladder.

    Raises:
        UsageError: the smallest ladder costs more.
    """
    low, high = smallest_amount(classes) * LEAST_SPREAD, available
    if cost(amounts_up_to(high, classes)) <= budget:
        return high
    if (least := cost(amounts_up_to(low, classes))) > budget:
        raise UsageError(
            "the budget is too small for a ladder", got=_figure(budget), allowed=f"{_figure(least)} or more",
            mend="Give more, fewer or smaller encoders, or fewer --epochs.",
        )  # fmt: skip
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if cost(amounts_up_to(middle, classes)) <= budget else (low, middle)
    return low


def _figure(value: float) -> str:
    return format_seconds(value) if value < 1e7 else f"{value:.3g} FLOPs"
