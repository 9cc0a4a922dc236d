"""Tables of an HTML text, with cells that span rows or columns repeated where they reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from fitwright.sizing.checking.markup import superscript

_WIDEST = 200
_SILENT = {"script", "style", "template", "noscript", "head"}
_STRUCK = {"del", "s", "strike"}


@dataclass
class _Cell:
    text: list[str] = field(default_factory=list)
    columns: int = 1
    rows: int = 1


@dataclass
class _Table:
    rows: list[list[_Cell]] = field(default_factory=list)
    cell: _Cell | None = None
    head_rows: int = 0
    in_head: bool = False


def read_html(text: str) -> list[list[list[str]]]:
    """Each table as rows of cell texts, the heading row first (several rows of a ``thead`` become one).

    Tables inside a cell are tables of their own; end tags may be missing where HTML lets them
    (https://html.spec.whatwg.org/multipage/tables.html).
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return [_grid(table) for table in reader.finished() if any(table.rows)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._tables: list[_Table] = []
        self._open: list[_Table] = []
        self._silent: list[str] = []
        self._raised: list[str] | None = None

    def finished(self) -> list[_Table]:
        return self._tables

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT or tag in _STRUCK:
            self._silent.append(tag)
        elif tag == "table":
            self._open.append(_Table())
            self._tables.append(self._open[-1])
        elif not self._open:
            return
        elif tag in ("td", "th"):
            self._start_cell(dict(attrs))
        elif tag == "tr":
            self._start_row()
        elif tag in ("thead", "tbody", "tfoot"):
            self._open[-1].cell = None
            self._open[-1].in_head = tag == "thead"
        elif tag == "sup":
            self._raised = []
        elif tag in ("br", "p", "div", "li"):
            self.handle_data(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT and tag not in _STRUCK:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif not self._open:
            return
        elif tag == "table":
            self._open.pop()
            self._raised = None
        elif tag in ("td", "th", "tr"):
            self._open[-1].cell = None
        elif tag == "thead":
            self._open[-1].in_head = False
        elif tag == "sup" and self._raised is not None:
            raised, self._raised = "".join(self._raised), None
            self.handle_data(superscript(raised))

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._raised is not None:
            self._raised.append(data)
        elif self._open and (cell := self._open[-1].cell) is not None:
            cell.text.append(data)

    def _start_row(self) -> None:
        table = self._open[-1]
        table.cell = None
        table.rows.append([])
        table.head_rows += table.in_head

    def _start_cell(self, attributes: dict[str, str | None]) -> None:
        table = self._open[-1]
        if not table.rows:
            self._start_row()
        self._raised = None
        table.cell = _Cell(columns=_span(attributes.get("colspan")), rows=_span(attributes.get("rowspan")))
        table.rows[-1].append(table.cell)


def _span(text: str | None) -> int:
    """A span as browsers read it: 1 where it is none, never beyond a bound."""
    digits = (text or "").strip()
    return max(1, min(int(digits), _WIDEST)) if digits.isascii() and digits.isdigit() else 1


def _grid(table: _Table) -> list[list[str]]:
    """Rows of equal width, spans filled in, the rows of the head joined into one."""
    filled: list[dict[int, str]] = [{} for _ in table.rows]
    for number, row in enumerate(table.rows):
        column = 0
        for cell in row:
            while column in filled[number]:
                column += 1
            text = " ".join("".join(cell.text).split())
            for below in range(number, min(number + cell.rows, len(filled))):
                for beside in range(column, column + cell.columns):
                    filled[below].setdefault(beside, text)
    width = max((max(row, default=-1) + 1 for row in filled), default=0)
    grid = [[row.get(column, "") for column in range(width)] for row in filled if row]
    heads = table.head_rows
    if 1 < heads < len(grid):
        joined = [
            " ".join(dict.fromkeys(grid[row][column] for row in range(heads) if grid[row][column]))
            for column in range(width)
        ]
        grid = [joined, *grid[heads:]]
    return grid
