"""The report as GitHub-flavoured Markdown: the page's blocks as text and tables, with the same numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fitwright.reporting.blocks import (
    Beside,
    Block,
    Bullets,
    Cell,
    Code,
    Column,
    Figure,
    Folded,
    Heading,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
)
from fitwright.reporting.document import Report
from fitwright.reporting.page import Page, page_of
from fitwright.reporting.rows import clean

_SIGNS = {"yes": "✓ ", "no": "✗ ", "chosen": "★ "}
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_LINE_START = re.compile(r"^(\s*)([#>+\-]|\d+[.)])(?=\s|$)")


def render(report: Report) -> str:
    """The document of a report."""
    return render_page(page_of(report))


def render_page(page: Page) -> str:
    """The whole document. Texts are escaped: they show as they are and open no markup."""
    parts = [f"# {escape(page.title)}", f"**{escape(page.headline)}**"]
    if page.badge is not None:
        met, words = page.badge
        parts.append(f"{'✓' if met else '✗'} {escape(words)}")
    parts.append(escape(" · ".join(text for text in (page.kind, page.made_at) if text)))
    parts += [_block(block) for block in page.top]
    parts += [_section(section) for section in page.sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """``text`` on one line, with everything that Markdown or HTML would read as markup made plain."""
    line = " ".join(clean(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def _section(section: Section) -> str:
    lead = [escape(section.lead)] if section.lead else []
    blocks = [_block(block) for block in section.blocks]
    return "\n\n".join([f"## {escape(section.title)}", *lead, *(text for text in blocks if text)])


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Text():
            text = escape(block.text)
            return f"> **{text}**" if block.mark == "warning" else text
        case Bullets():
            sign = "⚠ " if block.mark == "warning" else ""
            return "\n".join(f"- {sign}{escape(line)}" for line in block.lines)
        case Heading():
            return f"### {escape(block.text)}"
        case Figure():
            return f"*Figure (in the HTML report): {escape(block.caption)}*"
        case Code():
            return _code(block.lines)
        case Folded():
            inner = "\n\n".join(_block(part) for part in block.blocks)
            return f"**{escape(block.summary)}**\n\n{inner}"
        case Beside():
            return "\n\n".join(_block(part) for group in block.groups for part in group)
        case Tiles():
            return _tiles(block.tiles)


def _code(lines: Sequence[str]) -> str:
    text = clean("\n".join(lines))
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}bash\n{text}\n{fence}"


def _tiles(tiles: Sequence[Tile]) -> str:
    numbers = (Column("Before", numeric=True), Column("After", numeric=True))
    columns = (Column("Quantity"), *numbers, Column("Change"), Column("Note"))
    rows = tuple(tuple(Cell(text) for text in (t.title, t.before, t.after, t.change, t.note)) for t in tiles)
    return _table(Table(columns, rows))


def _table(table: Table) -> str:
    titles = " | ".join(_title(column) for column in table.columns)
    rules = " | ".join(
        ":---:" if column.centred else "---:" if column.numeric else "---" for column in table.columns
    )
    lines = [f"| {titles} |", f"| {rules} |"]
    for index, row in enumerate(table.rows):
        texts = [_cell(cell) for cell in row]
        if index == table.strong:
            texts[0] = f"**{texts[0]}**" if texts[0] else ""
        lines.append(f"| {' | '.join(texts)} |")
    caption = [f"**{escape(table.caption)}**"] if table.caption else []
    return "\n\n".join([*caption, "\n".join(lines)])


def _title(column: Column) -> str:
    group = column.group.removesuffix(" (estimates)")
    name = column.title
    return escape(f"{group}: {name[:1].lower()}{name[1:]}" if group else name)


def _cell(cell: Cell) -> str:
    detail = f" ({escape(cell.detail)})" if cell.detail else ""
    return f"{_SIGNS.get(cell.mark, '')}{escape(cell.text)}{detail}"
