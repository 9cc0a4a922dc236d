"""Tables of a Markdown text: a heading row, a row of dashes, data rows. Text around them is passed over."""

from __future__ import annotations

import re

_DASHES = re.compile(r"^\s*(?:>\s*)*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_QUOTE = re.compile(r"^\s*(?:>\s?)+")


def read_markdown(text: str) -> list[list[list[str]]]:
    """Each table as rows of raw cells, the heading row first; short rows are filled up with empty cells.

    Form: https://github.github.com/gfm/#tables-extension- . A pipe inside a cell is written ``\\|``.
    """
    lines = [_QUOTE.sub("", line) for line in text.splitlines()]
    tables: list[list[list[str]]] = []
    at = 0
    while at + 1 < len(lines):
        head = lines[at]
        if "|" not in head or "|" not in lines[at + 1] or not _DASHES.match(lines[at + 1]):
            at += 1
            continue
        width = len(_cells(lines[at + 1]))
        rows = [_cells(head)]
        if len(rows[0]) != width:
            at += 1
            continue
        at += 2
        while at < len(lines) and "|" in lines[at] and lines[at].strip():
            cells = _cells(lines[at])
            rows.append((cells + [""] * width)[: max(width, len(cells))])
            at += 1
        tables.append(rows)
    return tables


def _cells(line: str) -> list[str]:
    """Cells between pipes; one pipe at either end is the border, an escaped one belongs to its cell."""
    bare = line.strip()
    bare = bare.removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", bare)]
