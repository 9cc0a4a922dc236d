"""Where a table has its models and its figures: heading row found, columns understood, turned if need be."""

from __future__ import annotations

from dataclasses import dataclass

from fitwright.sizing.checking.documents import Grid
from fitwright.sizing.checking.headings import Heading, understand
from fitwright.sizing.checking.matching import is_known


@dataclass(frozen=True)
class Cell:
    """A cell of the file: data row from 1, the heading of its column, its text."""

    row: int
    column: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model's name and the cells that go with it. ``cells``: (what the heading announces, the cell)."""

    name: Cell
    variant: str
    cells: tuple[tuple[Heading, Cell], ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table that names models: its entries, and the notes that go with how it was read."""

    entries: tuple[Entry, ...]
    headings: tuple[Heading, ...]
    notes: tuple[str, ...] = ()


_SEARCHED_ROWS = 10


def lay_out(grid: Grid) -> Layout | None:
    """The entries of a table, or ``None`` for one that has no column (and no row) of models.

    The heading row is the first one that has a heading for models; titles above it are passed over. A first
    column without heading, or with one that is not known, counts where catalogue names stand in it. A table
    with a model in each column and a figure in each row is read across.
    """
    grid = _one_heading(grid)
    rows = [tuple(understand(text) for text in row) for row in grid[: min(_SEARCHED_ROWS, len(grid) - 1)]]
    named = [(start, headings) for start, headings in enumerate(rows) if _models(headings) is not None]
    full = [(start, headings) for start, headings in named if _figures(headings)]
    if full or (named and named[0][0] == 0):
        start, headings = (full or named)[0]
        return _upright(grid[start:], headings, _models(headings) or 0)
    headings = rows[0]
    if (
        _figures(headings)
        and headings[0].role != "figures"
        and any(is_known(row[0]) for row in grid[1:] if row)
    ):
        shown = grid[0][0] or "without heading"
        note = f"the first column ({shown}) was taken for the models' names"
        return _upright(grid, headings, 0, note)
    return _across(grid)


def _one_heading(grid: Grid) -> Grid:
    """Two rows of headings as one: below a group's title stand those of its columns, and no model's name."""
    if len(grid) < 3:
        return grid
    top, below = grid[0], grid[1]
    models = _models(tuple(understand(text) for text in top))
    if models is None or models >= len(below) or below[models] not in ("", top[models]):
        return grid
    words = [text if not any(char.isdigit() for char in text) else "" for text in below]
    figures = {at for at, text in enumerate(words) if understand(text).role == "figures"}
    if len(figures) < 2:
        return grid
    padded = [*top, *[""] * (len(below) - len(top))]
    return [[below[at] if at in figures else padded[at] for at in range(len(padded))], *grid[2:]]


def _models(headings: tuple[Heading, ...]) -> int | None:
    """Index of the column that names the model best; a variant's stands in where there is no other."""
    ranked = [
        (heading.rank, -at) for at, heading in enumerate(headings) if heading.rank and heading.role == "model"
    ]
    ranked = ranked or [(heading.rank, -at) for at, heading in enumerate(headings) if heading.rank]
    return -max(ranked)[1] if ranked else None


def _figures(headings: tuple[Heading, ...]) -> bool:
    return any(heading.role == "figures" for heading in headings)


def _upright(grid: Grid, headings: tuple[Heading, ...], models: int, note: str = "") -> Layout:
    variants = [at for at, heading in enumerate(headings) if heading.role == "variant" and at != models]
    entries = []
    for number, row in enumerate(grid[1:], start=1):
        name = row[models] if models < len(row) else ""
        if not any(row):
            continue
        cells = tuple(
            (headings[at], Cell(number, headings[at].text, text))
            for at, text in enumerate(row[: len(headings)])
            if at != models and text
        )
        variant = next((row[at] for at in variants if at < len(row)), "")
        entries.append(Entry(name=Cell(number, headings[models].text, name), variant=variant, cells=cells))
    used = tuple(heading for at, heading in enumerate(headings) if at != models)
    return Layout(entries=tuple(entries), headings=used, notes=(note,) if note else ())


def _across(grid: Grid) -> Layout | None:
    """A table whose first column holds the headings and whose first row holds the models."""
    headings = [understand(row[0]) if row else understand("") for row in grid]
    names = grid[0][1:]
    if not _figures(tuple(headings[1:])) or not any(is_known(name) for name in names):
        return None
    entries = []
    for at, name in enumerate(names, start=1):
        cells = tuple(
            (heading, Cell(number, name, row[at]))
            for number, (heading, row) in enumerate(zip(headings[1:], grid[1:], strict=True), start=1)
            if at < len(row) and row[at]
        )
        entries.append(Entry(name=Cell(0, name, name), variant="", cells=cells))
    note = "read across: a model in each column, a figure in each row"
    return Layout(entries=tuple(entries), headings=tuple(headings[1:]), notes=(note,))
