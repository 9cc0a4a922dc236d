"""The outcome of checking a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A cell that is wrong.

    Attributes:
        row: data row of its table, from 1. ``table``: which table of the file, from 1.
        column: the heading as it stands in the file.
        model: the name as the table has it; ``id``: the model it was taken for.
        field: what the figure is: ``parameters``, ``layers``, ``hidden`` …
        stated: the cell's text; of a cell with several figures, the wrong one.
        correct: the right value.
        error_pct: stated against right, in per cent, signed.
        source: where the right value comes from.
        note: why the wrong one is in circulation, where that is known.
    """

    row: int
    column: str
    stated: str
    correct: int
    error_pct: float
    source: str
    model: str
    id: str
    field: str
    table: int = 1
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values; an unknown note is ``null``."""
        return {
            "row": self.row, "column": self.column, "stated": self.stated, "correct": self.correct,
            "error_pct": round(self.error_pct, 2), "source": self.source, "model": self.model, "id": self.id,
            "field": self.field, "table": self.table, "note": self.note or None,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was judged in a file.

    Attributes:
        wrong: the wrong cells, in the file's order.
        judged: figures that were compared with the catalogue.
        rows: data rows with a model's name; ``known``: those whose model the catalogue has.
        tables: tables of the file that were judged.
        notes: what was not judged and why, and how ambiguous names were settled.
    """

    path: str
    wrong: tuple[Wrong, ...]
    judged: int
    rows: int
    known: int
    tables: int
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """True where no judged figure is wrong."""
        return not self.wrong

    def as_json(self) -> list[dict[str, Any]]:
        """The wrong cells alone, as a list."""
        return [wrong.as_json() for wrong in self.wrong]
