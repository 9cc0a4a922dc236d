"""What a report page is made of, before it is HTML or Markdown: both twins come from the same blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "yes", "no", "estimated", "chosen", "muted", "warning"]
"""``yes``, ``no``: a check that held or failed; ``estimated``: a predicted number; the rest is emphasis."""


@dataclass(frozen=True)
class Cell:
    """One table cell: ``text``, a smaller ``detail`` below it, and ``sort``, the number behind it."""

    text: str
    detail: str = ""
    mark: Mark = ""
    sort: float | None = None
    heat: float | None = None


@dataclass(frozen=True)
class Column:
    """A table column. ``group`` is the heading shared with its neighbours of the same group."""

    title: str
    numeric: bool = False
    centred: bool = False
    group: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells. ``strong``: index of the row to highlight; ``sortable``: by a click on a heading."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    strong: int | None = None
    sortable: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph. ``mark`` ``warning`` draws a box around it."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    lines: tuple[str, ...]
    mark: Mark = ""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A chart as SVG in two widths; ``caption`` says what it shows. Markdown has the caption only."""

    wide: str
    narrow: str
    caption: str


@dataclass(frozen=True)
class Code:
    """Shell lines to copy."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Folded:
    """Blocks behind a summary line; open in print and in Markdown."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Tile:
    """One big number before and after.

    ``change`` is the ratio in words, ``note`` the interval; ``bars`` are the lengths, 0 to 1, of two bars.
    """

    title: str
    before: str
    after: str
    change: str
    note: str
    better: bool | None = None
    bars: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Tiles:
    """The big numbers, side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Beside:
    """Groups of blocks side by side where there is room; one after the other in Markdown."""

    groups: tuple[tuple[Block, ...], ...]


Block = Table | Text | Bullets | Heading | Figure | Code | Folded | Tiles | Beside


@dataclass(frozen=True)
class Section:
    """A titled part of the page. ``anchor`` is its id, ``short`` its name in the navigation."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""
    short: str = ""
