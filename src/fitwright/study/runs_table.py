"""``runs.csv`` read back: its rows, as whoever asks wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from fitwright.core.errors import DataError
from fitwright.data.reading import read_table

Row = TypeVar("Row")


def read_runs(path: Path, row_of: Callable[[Mapping[str, str]], Row]) -> tuple[Row, ...]:
    """Every row, by ``row_of``.

    Raises:
        DataError: the table is not as it was written: ``row_of`` misses a column, or a value is no number.
    """
    columns = read_table(path).columns
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    try:
        return tuple(row_of(row) for row in rows)
    except (KeyError, ValueError) as error:
        raise DataError(
            f"runs.csv is not as 'study run' wrote it ({error})", got=str(path),
            mend="Run 'fitwright study run' again: it writes the table anew.",
        ) from None  # fmt: skip
