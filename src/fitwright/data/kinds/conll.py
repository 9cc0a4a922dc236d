"""CoNLL files: a token and its tag on each line, a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fitwright.core.errors import DataError, UsageError
from fitwright.data.encoding import encoding_error, refuse_binary
from fitwright.data.reading import check_file
from fitwright.data.table import Table

CONLL_SUFFIXES = (".conll", ".bio", ".iob", ".txt")
_COMMENT = re.compile(r"#\s*(\S+\s*=|id\b|newdoc\b|newpar\b)")


def read_conll(path: Path, columns: Mapping[str, str] | None = None) -> Table:
    """Sentences as a table with the columns ``tokens`` and ``tags``, placed by their first line.

    Columns are divided by tabs where the first row has one, else by white space. ``-DOCSTART-`` lines and
    comments (``# id …``, ``# name = value``) before a sentence are skipped.

    Args:
        path: a UTF-8 text file.
        columns: ``tokens`` and ``tags`` → number of the column, from 1; the first and the last unless told.

    Raises:
        DataError: unreadable, no tokens, or a line with another number of columns than the first.
        UsageError: ``columns`` names another role, or holds something else than numbers.
    """
    check_file(path)
    refuse_binary(path)
    chosen = {role: _number(role, column) for role, column in (columns or {}).items()}
    values: dict[str, list[list[str]]] = {"tokens": [], "tags": []}
    places: list[int] = []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for start, rows in _sentences(file, path):
                first, last = _picked(chosen, len(rows[0]), path, start)
                values["tokens"].append([row[first] for row in rows])
                values["tags"].append([row[last] for row in rows])
                places.append(start)
    except UnicodeDecodeError:
        raise encoding_error(path) from None
    if not places:
        raise DataError("the data file has no tokens", got=str(path), mend="Give a token and its tag a line.")
    return Table(path=path, values={k: list(v) for k, v in values.items()}, places=places, unit="line")


def _number(role: str, column: str) -> int:
    if role not in ("tokens", "tags"):
        raise UsageError("this kind of data has no such role for a column", got=role, allowed="tokens, tags")
    if not column.isdigit() or int(column) < 1:
        raise UsageError(
            f"columns of a CoNLL file have numbers, the role {role!r} has none", got=column,
            allowed="1 for the first column, and so on", mend=f"For example --column {role}=2",
        )  # fmt: skip
    return int(column) - 1


def _picked(chosen: Mapping[str, int], width: int, path: Path, line: int) -> tuple[int, int]:
    picked = chosen.get("tokens", 0), chosen.get("tags", width - 1)
    if max(picked) >= width:
        raise DataError(f"{path}, line {line}: no such column", got=max(picked) + 1, allowed=f"1 to {width}")
    return picked


def _sentences(lines: Iterator[str], path: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """The first line's number and the columns of each line, sentence by sentence."""
    start, rows = 0, list[list[str]]()
    separator: str | None = None
    width = 0
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\r\n")
        if not line.strip() or line.startswith("-DOCSTART-"):
            if rows:
                yield start, rows
            rows = []
            continue
        if not rows and _COMMENT.match(line):
            continue
        if not width:
            separator = "\t" if "\t" in line else None
        row = line.split(separator)
        width = width or len(row)
        if len(row) != width or width < 2:
            raise DataError(
                f"{path}, line {number}: wrong number of columns", got=len(row),
                allowed="two or more, as many on every line", mend="Give each token one tag.",
            )  # fmt: skip
        if not rows:
            start = number
        rows.append(row)
    if rows:
        yield start, rows
