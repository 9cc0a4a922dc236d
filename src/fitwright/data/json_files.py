"""JSON lines, and ``.json`` files that hold one array of objects; nested values stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.table import Table


def read_json_lines(path: Path) -> Table:
    """The table of a file with one object on each line; blank lines are skipped."""
    with path.open(encoding="utf-8-sig") as file:
        return _collect(_json_rows(file, path), path, "line")


def read_json(path: Path) -> Table:
    """The table of a ``.json`` file: one array of objects, or JSON lines under another name."""
    with path.open(encoding="utf-8-sig") as file:
        text = file.read()
    if not text.lstrip().startswith("["):
        return _collect(_json_rows(text.split("\n"), path), path, "line")
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(
            f"{path}{line}: broken JSON ({_reason(error)})", allowed="an array of objects"
        ) from None
    return _collect(enumerate(rows, start=1), path, "element")


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(
                f"{path}, line {number}: broken JSON ({_reason(error)})", got=line.strip()[:60],
                allowed="one JSON object on each line",
            ) from None  # fmt: skip


def _reason(error: json.JSONDecodeError | RecursionError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"


def _collect(rows: Iterable[tuple[int, Any]], path: Path, unit: str) -> Table:
    """Columns of objects; a key that a row lacks is a missing value there."""
    values: dict[str, list[Any]] = {}
    places: list[int] = []
    for place, row in rows:
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, {unit} {place}: not a JSON object", got=str(row)[:60],
                allowed='objects like {"text": "...", "label": "..."}',
            )  # fmt: skip
        for name, value in row.items():
            column = values.setdefault(name, [])
            column.extend([None] * (len(places) - len(column)))
            column.append(value)
        places.append(place)
    for column in values.values():
        column.extend([None] * (len(places) - len(column)))
    return Table(path=path, values=values, places=places, unit=unit)
