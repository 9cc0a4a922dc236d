"""Comma- and tab-separated tables: delimiter, header, and every row the length of the header or an error."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.table import Table

_DELIMITERS = (",", "\t", ";", "|")


def read_csv(path: Path) -> Table:
    """The table of a comma-separated file; semicolon, tab and bar are recognised from the header."""
    return _read_delimited(path, _sniffed_delimiter(path), csv.QUOTE_MINIMAL)


def read_tsv(path: Path) -> Table:
    """The table of a tab-separated file, where quotation marks that do not pair are plain text."""
    try:
        return _read_delimited(path, "\t", csv.QUOTE_MINIMAL)
    except DataError as quoted:
        try:
            return _read_delimited(path, "\t", csv.QUOTE_NONE)
        except DataError:
            raise quoted from None


def _sniffed_delimiter(path: Path) -> str:
    """The delimiter that the header uses most outside quotation marks; a comma where it uses none."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next((line for line in file if line.strip()), "")
    outside = "".join(header.split('"')[::2])
    counts = {delimiter: outside.count(delimiter) for delimiter in _DELIMITERS}
    return max(counts, key=lambda delimiter: counts[delimiter])


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    """Let a field be as long as memory allows, inside the block only (the csv module's limit is global)."""
    before = csv.field_size_limit()
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_delimited(path: Path, delimiter: str, quoting: Any) -> Table:
    with _long_fields(), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)
        start = 1
        names: list[str] | None = None
        values: list[list[str]] = []
        places: list[int] = []
        try:
            for row in reader:
                if row and names is None:
                    names = _header(row, path)
                    values = [[] for _ in names]
                elif row and names is not None:
                    _append(values, row, path, start, reader.line_num)
                    places.append(start)
                start = reader.line_num + 1
        except csv.Error as error:
            raise _quote_error(path, start, error) from None
    if names is None:
        raise DataError("the data file holds only blank lines", got=str(path))
    return Table(path=path, values=dict(zip(names, values, strict=True)), places=places, unit="line")


def _append(values: list[list[str]], row: list[str], path: Path, start: int, end: int) -> None:
    if len(row) != len(values):
        hint = "Put texts that contain the delimiter or a line break in double quotation marks."
        if end > start:
            hint = f"The row runs on to line {end}: a quotation mark may be missing."
        raise DataError(
            f"{path}, line {start}: wrong number of columns",
            got=len(row), allowed=f"{len(values)}, as in the header", mend=hint,
        )  # fmt: skip
    for column, value in zip(values, row, strict=True):
        column.append(value)


def _quote_error(path: Path, line: int, error: csv.Error) -> DataError:
    if "unexpected end of data" in str(error):
        what = f"{path}, line {line}: a quotation mark opens and is never closed"
    else:
        what = f"{path}, line {line}: misplaced quotation mark ({error})"
    return DataError(what, mend='Inside a quoted text write a quotation mark twice ("").')


def _header(row: list[str], path: Path) -> list[str]:
    """Column names; a blank one (an index column) gets a number. Data in the header's place is refused."""
    names = [name.strip() or f"unnamed_{place}" for place, name in enumerate(row, start=1)]
    sentence = any(len(name) > 100 or len(name.split()) > 5 for name in names)
    number = any(name.lstrip("-").replace(".", "", 1).isdigit() for name in names)
    if (sentence and number) or any(len(name) > 200 for name in names):
        raise DataError(
            f"the first row of {path} looks like data, not like column names", got=", ".join(names)[:80],
            mend="Add a first row with the names, for example: text,label",
        )  # fmt: skip
    refuse_twins(names, path)
    return names


def refuse_twins(names: Iterable[str], path: Path) -> None:
    """Raise where two columns have one name."""
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise DataError(f"two columns of {path} have the same name", got=twins[0],
                        mend="Rename one of them.")  # fmt: skip
