"""Values of a row as what a role wants them to be, or an error that names the row."""

from __future__ import annotations

import math
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.table import Table, nested, text_of


def words_at(table: Table, column: str, row: int) -> tuple[str, ...]:
    """A list of texts and numbers, as texts; a plain text is taken apart at its white space.

    Raises:
        DataError: neither of these, or an element that is nested or nothing.
    """
    value = nested(table.column(column)[row])
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, list):
        raise wrong_type(table, column, row, "a list of texts")
    for element in value:
        if element is None or isinstance(element, (list, dict)):
            raise wrong_type(table, column, row, "a list of texts", element)
    return tuple(text_of(element) for element in value)


def number_at(table: Table, column: str, row: int) -> float:
    """A finite number, also written as text.

    Raises:
        DataError: not a number, or infinite.
    """
    value = table.column(column)[row]
    try:
        number = float(value if isinstance(value, (int, float)) else text_of(value).strip())
    except (ValueError, OverflowError):
        raise wrong_type(table, column, row, "a number") from None
    if not math.isfinite(number):
        raise wrong_type(table, column, row, "a finite number")
    return number


def text_at(table: Table, column: str, row: int) -> str:
    """A text without outer white space; numbers are written out.

    Raises:
        DataError: a list or an object.
    """
    value = table.column(column)[row]
    if isinstance(value, (list, dict, bytes)):
        raise wrong_type(table, column, row, "a text")
    return text_of(value).strip()


def wrong_type(table: Table, column: str, row: int, wanted: str, value: Any = None) -> DataError:
    """The error for a value of another type than its role wants."""
    got = table.column(column)[row] if value is None else value
    return DataError(
        f"{table.where(row)}: the column {column!r} does not hold {wanted}", got=text_of(got)[:60],
        allowed=wanted, mend="Correct the row, or choose another column with --column ROLE=NAME.",
    )  # fmt: skip
