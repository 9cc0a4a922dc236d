"""A file's content by column, each value as the file has it, and where each row stands in the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of a file.

    Attributes:
        path: the file or folder.
        values: column → its values. Text of a delimited file; what JSON and Arrow hold, lists and objects
            included; ``None`` where a row lacks the column. All columns are equally long.
        places: number of each row in the file, from 1, in ``unit``; empty: the rows are counted.
        unit: what ``places`` counts: ``line``, ``element``, ``row``, ``question``.
    """

    path: Path
    values: dict[str, list[Any]]
    places: Sequence[int] = ()
    unit: str = "row"
    _inner: dict[str, list[Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.values.values()), []))

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """Every value as text: a missing one is empty, nested ones are JSON."""
        return {name: [text_of(value) for value in values] for name, values in self.values.items()}

    def place(self, row: int) -> str:
        """The place of row ``row`` (from 0) in the file: ``line 17``."""
        return f"{self.unit} {self.places[row] if self.places else row + 1}"

    def where(self, row: int) -> str:
        """The place of row ``row`` (from 0) for a message: ``reviews.jsonl, line 17``."""
        return f"{self.path}, {self.place(row)}"

    def holds(self, name: str) -> bool:
        """Whether :meth:`column` knows ``name``."""
        return name in self.values or (
            "." in name and any(_inside(value, name) is not None for value in self._top(name))
        )

    def column(self, name: str) -> list[Any]:
        """The values under ``name``; ``answers.text`` is the key ``text`` of the objects in ``answers``.

        Raises:
            DataError: no such column.
        """
        if name in self.values:
            return self.values[name]
        if name not in self._inner and self.holds(name):
            self._inner[name] = [_inside(value, name) for value in self._top(name)]
        if name in self._inner:
            return self._inner[name]
        raise DataError(f"no such column in {self.path}", got=name, allowed=", ".join(self.values))

    def _top(self, name: str) -> list[Any]:
        return self.values.get(name.partition(".")[0], [])


def _inside(value: Any, name: str) -> Any:
    """What stands in an object (or the JSON of one) at the part of a dotted name behind its first dot."""
    for key in name.split(".")[1:]:
        value = nested(value)
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value: Any) -> str:
    """Text of a value: nothing and NaN are empty, nested values become JSON."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def nested(value: Any) -> Any:
    """The list or object that a text spells as JSON, as a delimited file must; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return value
    return value


def is_missing(value: Any) -> bool:
    """Nothing, NaN, white space or an empty list."""
    if isinstance(value, (list, dict)):
        return not value
    return not text_of(value).strip()
