"""A table of anything, from column descriptions: terminal, Markdown, CSV, JSON, HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from fitwright.core.errors import UsageError

Row = TypeVar("Row")
Format = Literal["terminal", "markdown", "json", "csv", "html"]
FORMATS: tuple[str, ...] = ("terminal", "markdown", "json", "csv", "html")
UNKNOWN = "–"
_GAP = "  "
_MIN_WIDTH = 6


@dataclass(frozen=True, kw_only=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        key: its name on the command line and in JSON: ``max-seq``.
        title: its heading.
        value: the plain value of a row (number, text, truth or ``None``): for JSON, CSV and sorting.
        text: the value as people read it; ``str`` unless given. ``None`` always reads "–".
        numeric: right-aligned.
        order: what a value sorts by, where that is not the value itself.
        unit: said in the CSV heading, where values are plain SI.
        spare: how soon it is left out where a terminal is too narrow for all; 0: never.
    """

    key: str
    title: str
    value: Callable[[Row], Any]
    text: Callable[[Any], str] = str
    numeric: bool = False
    order: Callable[[Any], Any] | None = None
    unit: str = ""
    spare: int = 0

    def shown(self, row: Row) -> str:
        value = self.value(row)
        return UNKNOWN if value is None else self.text(value)


def choose(columns: Sequence[Column[Row]], keys: Iterable[str]) -> tuple[Column[Row], ...]:
    """The columns called ``keys``, in that order; an unknown one is a :class:`UsageError`."""
    by_key = {column.key: column for column in columns}
    wanted = tuple(keys)
    for key in wanted:
        if key not in by_key:
            raise UsageError("unknown column", got=key, allowed=", ".join(by_key))
    return tuple(by_key[key] for key in wanted)


def sort(rows: Sequence[Row], columns: Sequence[Column[Row]], key: str) -> tuple[Row, ...]:
    """Rows by a column, smallest first (``-key``: largest first); unknown values stay last. Stable."""
    backwards, name = key.startswith("-"), key.removeprefix("-")
    (column,) = choose(columns, [name])
    known = [row for row in rows if column.value(row) is not None]
    unknown = [row for row in rows if column.value(row) is None]
    order = column.order or _itself

    def rank(row: Row) -> Any:
        return order(column.value(row))

    return (*sorted(known, key=rank, reverse=backwards), *unknown)


def _itself(value: Any) -> Any:
    return value


def render(rows: Sequence[Row], columns: Sequence[Column[Row]], format: str = "terminal") -> str:
    """The table as text in one of :data:`FORMATS`; no newline at the end."""
    renderers: Mapping[str, Callable[[Sequence[Row], Sequence[Column[Row]]], str]] = {
        "terminal": terminal, "markdown": markdown, "json": as_json, "csv": as_csv, "html": html,
    }  # fmt: skip
    if format not in renderers:
        raise UsageError("unknown table format", got=format, allowed=", ".join(FORMATS))
    return renderers[format](rows, columns)


def terminal(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Plain text, headings underlined, every column as wide as its widest cell."""
    cells = [[column.shown(row) for column in columns] for row in rows]
    titles = [column.title for column in columns]
    widths = [_width(rows, column) for column in columns]
    lines = [titles, ["─" * width for width in widths], *cells]
    return "\n".join(
        _GAP.join(
            pad(text, width, column.numeric)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def fit(
    rows: Sequence[Row], columns: Sequence[Column[Row]], width: int
) -> tuple[tuple[Column[Row], ...], tuple[Column[Row], ...]]:
    """What a terminal of ``width`` has room for, and what is left out: the most ``spare`` first, 0 never."""
    kept = list(columns)
    widths = {column.key: _width(rows, column) for column in columns}
    while sum(widths[column.key] + len(_GAP) for column in kept) - len(_GAP) > width:
        sparest = max(kept, key=lambda column: column.spare)
        if sparest.spare == 0:
            break
        kept.remove(sparest)
    return tuple(kept), tuple(column for column in columns if column not in kept)


def _width(rows: Sequence[Row], column: Column[Row]) -> int:
    """Of its widest cell."""
    return max(display_width(text) for text in (column.title, *(column.shown(row) for row in rows)))


def markdown(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """A GitHub table, aligned in the source too."""
    titles = [_markdown_text(column.title) for column in columns]
    cells = [[_markdown_text(column.shown(row)) for column in columns] for row in rows]
    widths = [max(3, *map(display_width, below)) for below in _turned(titles, cells)]
    rule = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width
        for width, column in zip(widths, columns, strict=True)
    ]
    lines = [titles, rule, *cells]
    return "\n".join(
        "| "
        + " | ".join(
            pad(text, width, column.numeric)
            for text, width, column in zip(line, widths, columns, strict=True)
        )
        + " |"
        for line in lines
    )


def as_csv(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Plain values with a heading of keys (and units in SI); unknown values are empty."""
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([f"{column.key}_{column.unit}" if column.unit else column.key for column in columns])
    for row in rows:
        writer.writerow(["" if (value := column.value(row)) is None else value for column in columns])
    return file.getvalue().removesuffix("\n")


def as_json(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """A list of objects by column key; unknown values are ``null``."""
    from fitwright.core.files import to_json

    return to_json([{column.key: column.value(row) for column in columns} for row in rows])


def html(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """A ``<table>`` without style; numeric cells carry ``class="number"``."""
    from html import escape

    def line(tag: str, texts: Sequence[str]) -> str:
        cells = "".join(
            f'<{tag} class="number">{escape(text)}</{tag}>'
            if column.numeric
            else f"<{tag}>{escape(text)}</{tag}>"
            for text, column in zip(texts, columns, strict=True)
        )
        return f"<tr>{cells}</tr>"

    head = line("th", [column.title for column in columns])
    body = "\n".join(line("td", [column.shown(row) for column in columns]) for row in rows)
    return f"<table>\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def display_width(text: str) -> int:
    """Columns that ``text`` takes on a terminal: wide East Asian characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, width: int, right: bool) -> str:
    """``text`` filled with spaces to ``width`` columns, on the left where ``right``-aligned."""
    space = " " * max(0, width - display_width(text))
    return space + text if right else text + space


def shorten(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns with an ellipsis."""
    if display_width(text) <= width:
        return text
    kept = text
    while kept and display_width(kept) > max(width, _MIN_WIDTH) - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _turned(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """By column: the title, then the cells."""
    return [[title, *(line[index] for line in cells)] for index, title in enumerate(titles)]


def _markdown_text(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
