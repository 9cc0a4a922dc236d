"""Tables for the tests, written to files."""

from __future__ import annotations

from pathlib import Path

from fitwright.sizing.checking.judging import check_file
from fitwright.sizing.checking.report import Report


def markdown(rows: list[list[str]]) -> str:
    """A GitHub table; the first row is the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"


def judged(folder: Path, text: str, name: str = "table.md") -> Report:
    """The report on a file that holds ``text``."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return check_file(path)


def found(report: Report) -> list[tuple[int, str, int]]:
    """(row, field, right value) of each wrong cell."""
    return [(wrong.row, wrong.field, wrong.correct) for wrong in report.wrong]
