"""Tables from files: CSV, TSV, JSON lines and Parquet, every value as text.

A table that cannot be read as it stands is a :class:`DataError` that says where and how to mend it; nothing
is skipped or repaired silently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.core.optional import require
from fitwright.data.delimited import read_csv, read_tsv, refuse_twins
from fitwright.data.encoding import encoding_error, refuse_binary

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .json, .parquet"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's content by column. A missing value is the empty string; all columns have ``rows`` values."""

    path: Path
    columns: dict[str, list[str]]
    rows: int


def read_table(path: Path) -> Table:
    """Read a table by its extension (``FORMATS``).

    Args:
        path: a UTF-8 text file (a byte-order mark is allowed) or a Parquet file.

    Returns:
        The table with at least one row.

    Raises:
        DataError: missing, a folder, empty, header only, wrong encoding, broken row (with its line number),
            unsupported extension.
    """
    path = Path(path)
    _check_file(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        excel = path.suffix.lower() in (".xlsx", ".xls", ".ods")
        mend = "Save the sheet as 'CSV UTF-8'." if excel else "Convert it to one of these formats."
        raise DataError("unsupported data file", got=path.name, allowed=FORMATS, mend=mend)
    if reader is not _read_parquet:
        refuse_binary(path)
    try:
        columns = reader(path)
    except UnicodeDecodeError:
        raise encoding_error(path) from None
    rows = len(next(iter(columns.values()), []))
    if rows == 0:
        raise DataError(
            "the data file has no rows", got=str(path), mend="Give a file with a row for each labelled text."
        )
    return Table(path=path, columns=columns, rows=rows)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise DataError("the data path is a folder", got=str(path), allowed=f"a file: {FORMATS}",
                            mend="Give the path of one file in it.")  # fmt: skip
        if not path.exists():
            raise DataError("data file not found", got=str(path), mend="Check the path.")
        if path.stat().st_size == 0:
            raise DataError("the data file is empty", got=str(path),
                            mend="Give a file with a header and rows.")  # fmt: skip
        with path.open("rb"):
            pass
    except PermissionError:
        raise DataError("the data file may not be read: permission denied", got=str(path),
                        mend="Give yourself the right to read it.") from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise DataError(f"not a usable path: {error}", got=str(path)[:80]) from None


# JSON


def _read_json_lines(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig") as file:
        return _collect(_json_rows(file, path), path)


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise DataError(
                f"{path}, line {number}: broken JSON ({reason})", got=line.strip()[:60],
                allowed="one JSON object on each line",
            ) from None  # fmt: skip


def _read_json(path: Path) -> dict[str, list[str]]:
    """A ``.json`` file is one array of objects, or JSON lines under another name."""
    with path.open(encoding="utf-8-sig") as file:
        text = file.read()
    if not text.lstrip().startswith("["):
        return _collect(_json_rows(text.split("\n"), path), path)
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: broken JSON ({error.msg})", allowed="an array of objects"
        ) from None
    return _collect(((f"element {place}", row) for place, row in enumerate(rows, start=1)), path)


def _collect(rows: Iterable[tuple[str, Any]], path: Path) -> dict[str, list[str]]:
    """Columns of objects; a key that a row lacks is a missing value there."""
    columns: dict[str, list[str]] = {}
    count = 0
    for where, row in rows:
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, {where}: not a JSON object", got=str(row)[:60],
                allowed='objects like {"text": "...", "label": "..."}',
            )  # fmt: skip
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([""] * (count - len(column)))
            column.append(_as_text(value))
        count += 1
    for column in columns.values():
        column.extend([""] * (count - len(column)))
    return columns


def _as_text(value: Any) -> str:
    """Text of a JSON or Parquet value: nothing and NaN are missing, nested values stay JSON."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


# Parquet


def _read_parquet(path: Path) -> dict[str, list[str]]:
    parquet = require("pyarrow.parquet")
    arrow = require("pyarrow")
    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
    except (arrow.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(f"not a readable Parquet file: {reason}", got=str(path),
                        mend="Write the file again.") from None  # fmt: skip
    refuse_twins(table.column_names, path)
    return {
        name: [_as_text(value) for value in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


_READERS: dict[str, Callable[[Path], dict[str, list[str]]]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".tab": read_tsv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
