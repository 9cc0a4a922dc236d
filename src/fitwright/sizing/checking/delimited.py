"""A table in comma, tab, semicolon or pipe separated values."""

from __future__ import annotations

import csv
import io

from fitwright.core.errors import DataError

_DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 50


def read_delimited(text: str) -> list[list[list[str]]]:
    """The one table of a file, as rows of raw cells; empty lines are dropped.

    The delimiter is the one that cuts the most lines into the same number of cells, two at least.

    Raises:
        DataError: a quoted field never ends, or is larger than a cell may be.
    """
    rows = _rows(text, _delimiter(text))
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows or max(map(len, rows)) < 2:
        return []
    width = max(map(len, rows))
    return [[[cell.strip() for cell in row] + [""] * (width - len(row)) for row in rows]]


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        )
    except csv.Error as error:
        raise DataError(
            f"the table cannot be read as separated values ({error})", mend="Close every quoted field."
        ) from error


def _delimiter(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()][:_LOOKED_AT]

    def regular(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
        most = max(set(widths), key=lambda width: (width > 1, widths.count(width), width), default=0)
        return (widths.count(most) if most > 1 else 0, most)

    return max(_DELIMITERS, key=regular)
