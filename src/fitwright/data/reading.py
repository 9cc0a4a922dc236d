"""Tables from files: CSV, TSV, JSON lines, Parquet and Arrow, and folders of the last two.

A table that cannot be read as it stands is a :class:`DataError` that says where and how to mend it; nothing
is skipped or repaired silently.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.data.arrow_files import SUFFIXES, read_arrow, read_arrow_folder
from fitwright.data.delimited import read_csv, read_tsv
from fitwright.data.encoding import encoding_error, refuse_binary
from fitwright.data.json_files import read_json, read_json_lines
from fitwright.data.table import Table

FORMATS = ".csv, .tsv, .jsonl, .ndjson, .json, .parquet, .arrow"


def read_table(path: Path) -> Table:
    """Read a table by its extension (``FORMATS``), or a folder of Parquet or Arrow files.

    Args:
        path: a UTF-8 text file (a byte-order mark is allowed), a Parquet or Arrow file, a folder of these, or
            a folder that ``datasets.save_to_disk`` wrote.

    Returns:
        The table with at least one row.

    Raises:
        DataError: missing, a folder of something else, empty, header only, wrong encoding, broken row (with
            its line number), unsupported extension.
    """
    path = Path(path)
    check_file(path)
    table = _read_folder(path) if path.is_dir() else _read_file(path)
    if table.rows == 0:
        raise DataError(
            "the data file has no rows", got=str(path), mend="Give a file with a row for each labelled text."
        )
    return table


def _read_folder(path: Path) -> Table:
    table = read_arrow_folder(path)
    if table is None:
        raise DataError(
            "the data path is a folder", got=str(path),
            allowed=f"a file: {FORMATS}; or a folder of Parquet or Arrow files",
            mend="Give the path of one file in it.",
        )  # fmt: skip
    return table


def _read_file(path: Path) -> Table:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        excel = path.suffix.lower() in (".xlsx", ".xls", ".ods")
        mend = "Save the sheet as 'CSV UTF-8'." if excel else "Convert it to one of these formats."
        raise DataError("unsupported data file", got=path.name, allowed=FORMATS, mend=mend)
    if path.suffix.lower() not in SUFFIXES:
        refuse_binary(path)
    try:
        return reader(path)
    except UnicodeDecodeError:
        raise encoding_error(path) from None


def check_file(path: Path) -> None:
    """Raise :class:`DataError` where ``path`` is missing, empty, or may not be read; a folder passes."""
    try:
        if path.is_dir():
            return
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


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".tab": read_tsv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".parquet": read_arrow,
    ".arrow": read_arrow,
}
