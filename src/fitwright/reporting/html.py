"""The report as one self-contained page: no request leaves it, it prints, and it reads without JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape as _escape
from importlib.resources import files

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


def render(report: Report) -> str:
    """The page of a report."""
    return render_page(page_of(report))


def render_page(page: Page) -> str:
    """The whole page. Every text of it is escaped; the page's own policy forbids any other script."""
    style, script = _asset("style.css"), _asset("sort.js")
    parts = page.sections
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="Fitwright">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    body = "\n".join([_header(page), *(_section(part) for part in parts)])
    foot = f"<footer>{escape(_made(page))}</footer>"
    end = f"{foot}\n<script>{script}</script>\n</body>\n</html>\n"
    return f"{head}{_navigation(parts)}<main>\n{body}\n</main>\n{end}"


def escape(text: str) -> str:
    """``text`` as HTML shows it, in content and in attributes."""
    return _escape(clean(text), quote=True)


def _asset(name: str) -> str:
    return files("fitwright.reporting").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """The hash by which a content security policy knows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _made(page: Page) -> str:
    return f"Made by {page.made_by}" + (f" at {page.made_at}" if page.made_at else "")


def _navigation(parts: Sequence[Section]) -> str:
    links = "".join(f'<a href="#{part.anchor}">{escape(part.short or part.title)}</a>' for part in parts)
    return f'<nav aria-label="Parts of the report"><div>{links}</div></nav>\n'


def _header(page: Page) -> str:
    badge = ""
    if page.badge is not None:
        met, words = page.badge
        class_, sign = ("met", "✓") if met else ("missed", "✗")
        badge = f'<span class="badge {class_}">{sign} {escape(words)}</span>'
    when = f"<span>{escape(page.made_at)}</span>" if page.made_at else ""
    blocks = "".join(_block(block) for block in page.top)
    return (
        f'<header id="verdict"><p class="eyebrow"><b>Fitwright</b>'
        f'<span dir="auto">{escape(page.title)}</span>'
        f'<span>{escape(page.kind)}</span>{when}</p><h1 class="verdict">{escape(page.headline)}</h1>'
        f'<p class="badges">{badge}</p>{blocks}</header>'
    )


def _section(section: Section) -> str:
    lead = f'<p class="lead">{escape(section.lead)}</p>' if section.lead else ""
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>{lead}\n{blocks}</section>'


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Text():
            return f'<p class="text {block.mark}" dir="auto">{escape(block.text)}</p>'
        case Bullets():
            items = "".join(f'<li dir="auto">{escape(line)}</li>' for line in block.lines)
            return f'<ul class="{block.mark}">{items}</ul>'
        case Heading():
            return f"<h3>{escape(block.text)}</h3>"
        case Figure():
            return (
                f'<figure><div class="wide">{block.wide}</div><div class="narrow">{block.narrow}</div>'
                f"<figcaption>{escape(block.caption)}</figcaption></figure>"
            )
        case Code():
            return f'<pre tabindex="0"><code>{escape(chr(10).join(block.lines))}</code></pre>'
        case Folded():
            inner = "".join(_block(part) for part in block.blocks)
            return f"<details><summary>{escape(block.summary)}</summary>{inner}</details>"
        case Beside():
            groups = "".join(f"<div>{''.join(map(_block, group))}</div>" for group in block.groups)
            return f'<div class="beside">{groups}</div>'
        case Tiles():
            return f'<div class="tiles">{"".join(_tile(tile) for tile in block.tiles)}</div>'


def _tile(tile: Tile) -> str:
    tone = {True: "better", False: "worse", None: "same"}[tile.better]
    before = ""
    if tile.before:
        before = f'<span class="before">{escape(tile.before)}</span><span class="arrow">→</span>'
    bars = ""
    if any(tile.bars):
        widths = [f"{max(share, 0.004) * 100:.1f}" for share in tile.bars]
        bars = (
            '<svg class="bars" viewBox="0 0 100 13" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="bar-before" width="{widths[0]}" height="5"></rect>'
            f'<rect class="bar-after" y="8" width="{widths[1]}" height="5"></rect></svg>'
        )
    change = f'<p class="change {tone}">{escape(tile.change)}</p>' if tile.change else ""
    return (
        f'<div class="tile"><h2>{escape(tile.title)}</h2>{change}'
        f'<p class="values">{before}<span class="after">{escape(tile.after)}</span></p>{bars}'
        f'<p class="note">{escape(tile.note)}</p></div>'
    )


def _table(table: Table) -> str:
    rows = "\n".join(
        f"<tr{_class('strong') if index == table.strong else ''}>"
        + "".join(_cell(c, column) for c, column in zip(row, table.columns, strict=True))
        + "</tr>"
        for index, row in enumerate(table.rows)
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    sortable = " data-sortable" if table.sortable and len(table.rows) > 2 else ""
    label = escape(table.caption or "Table")
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{label}"><table{sortable}>{caption}'
        f"<thead>{_headings(table.columns)}</thead><tbody>{rows}</tbody></table></div>"
    )


def _headings(columns: Sequence[Column]) -> str:
    titles = "".join(f'<th scope="col"{_class(_alignment(c))}>{escape(c.title)}</th>' for c in columns)
    if not any(c.group for c in columns):
        return f"<tr>{titles}</tr>"
    spans: list[tuple[str, int]] = []
    for column in columns:
        if spans and spans[-1][0] == column.group:
            spans[-1] = (column.group, spans[-1][1] + 1)
        else:
            spans.append((column.group, 1))
    groups = "".join(
        f'<th scope="colgroup" colspan="{n}" class="group{" estimated" if "estimate" in name else ""}">'
        f"{escape(name)}</th>" if name else f'<td colspan="{n}"></td>'
        for name, n in spans
    )  # fmt: skip
    return f'<tr class="groups">{groups}</tr><tr>{titles}</tr>'


def _cell(cell: Cell, column: Column) -> str:
    names = [_alignment(column), "wide-cell" if column.wide else "", cell.mark]
    if cell.heat is not None:
        names.append(f"heat heat-{round(cell.heat * 10)}")
    sort = "" if cell.sort is None else f' data-sort="{cell.sort!r}"'
    detail = f'<span class="detail" dir="auto">{escape(cell.detail)}</span>' if cell.detail else ""
    text = f'<span dir="auto">{_SIGNS.get(cell.mark, "")}{escape(cell.text)}</span>'
    return f"<td{_class(' '.join(n for n in names if n))}{sort}>{text}{detail}</td>"


def _alignment(column: Column) -> str:
    return "centred" if column.centred else "numeric" if column.numeric else ""


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
