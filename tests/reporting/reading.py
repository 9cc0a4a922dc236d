"""Reads a page or a Markdown document back, as a browser or a reader would, for the tests."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link", "col", "source", "wbr"}


class Page(HTMLParser):
    """Checks that elements are balanced; collects tags with attributes, visible text, and table rows."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.problems: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.row_kinds: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        self.problems += [f"{tag} is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(attrs) != len(dict(attrs)):
            self.problems.append(f"{tag} has an attribute twice")
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
            self.row_kinds.append("")
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.row_kinds[-1] = "th" if "thead" in self.open else "td"
        elif tag == "span" and self.rows and self.rows[-1]:
            self.rows[-1][-1] += " "
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "script" in self.open or "style" in self.open:
            return
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def markdown_tables(text: str) -> list[list[list[str]]]:
    """Tables of a Markdown document as rows of cells, the rule line left out."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                tables.append([])
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                tables[-1].append(cells)
        inside = line.startswith("|")
    return tables
