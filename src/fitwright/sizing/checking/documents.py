"""A file with tables, read: its text decoded, its form found, its cells without markup."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fitwright.core.errors import DataError, UsageError
from fitwright.sizing.checking.delimited import read_delimited
from fitwright.sizing.checking.html_tables import read_html
from fitwright.sizing.checking.markdown_tables import read_markdown
from fitwright.sizing.checking.markup import plain

Grid = list[list[str]]


@dataclass(frozen=True, kw_only=True)
class Document:
    """The tables of a file, heading rows first, and what was assumed in reading them."""

    tables: tuple[Grid, ...]
    notes: tuple[str, ...] = ()


_LARGEST_BYTES = 32 * 10**6
_LONGEST_CELL = 2000
_SAMPLE_BYTES, _ODD_MOST = 4096, 8
_BINARY = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\x1f\x8b", b"PAR1")
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13, 27}
_MEND = "Save the table as Markdown, HTML or CSV (UTF-8)."


def read_document(path: str | Path) -> Document:
    """Every table of a Markdown, HTML, CSV or TSV file.

    The form is taken from the file's ending (``.md``, ``.html``, ``.csv``, ``.tsv``), from its content where
    that says nothing. Text is UTF-8, UTF-16 with a mark, or else GB 18030, which is noted.

    Raises:
        UsageError: there is no such file, or it is a folder.
        DataError: it is empty, binary, larger than 32 MB, or holds no table.
    """
    content = _content(path)
    text, notes = _decode(content, path)
    if not text.strip():
        raise DataError("the file is empty", got=str(path))
    grids = [grid for grid in _tables(text, Path(path).suffix.lower()) if len(grid) > 1]
    tables = tuple([[plain(cell[:_LONGEST_CELL]) for cell in row] for row in grid] for grid in grids)
    if not tables:
        raise DataError(
            "no table found in the file", got=str(path),
            allowed="Markdown, HTML, CSV or TSV with a heading row and data",
        )  # fmt: skip
    return Document(tables=tables, notes=notes)


def _content(path: str | Path) -> bytes:
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            raise UsageError("a folder, not a file with a table", got=str(path), mend="Give a file.")
        if not file.is_file():
            raise UsageError("file not found", got=str(path))
        size = file.stat().st_size
        if size > _LARGEST_BYTES:
            most = f"at most {_LARGEST_BYTES:,} bytes"
            raise DataError(f"the file has {size:,} bytes", got=str(path), allowed=most)
        return file.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:  # no permission, no such user's home, no path
        raise UsageError(f"the file cannot be read ({error})", got=str(path)) from error


def _decode(content: bytes, path: str | Path) -> tuple[str, tuple[str, ...]]:
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(name), ()
            except UnicodeDecodeError as error:
                raise DataError("the file is no valid UTF-16", got=str(path), mend=_MEND) from error
    if (
        content.startswith(_BINARY)
        or b"\0" in content
        or sum(byte in _CONTROL for byte in content[:4096]) > 8
    ):
        raise DataError("a binary file, not a table in text", got=str(path), mend=_MEND)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("gb18030"), (f"{path}: not UTF-8; read as GB 18030",)
    except UnicodeDecodeError as error:
        raise DataError("the text is neither UTF-8 nor GB 18030", got=str(path), mend=_MEND) from error


def _tables(text: str, suffix: str) -> list[Grid]:
    """By the file's ending first, then by what it looks like."""
    if suffix in (".csv", ".tsv"):
        readers: tuple[Callable[[str], list[Grid]], ...] = (read_delimited,)
    elif suffix in (".html", ".htm", ".xhtml"):
        readers = (read_html,)
    elif suffix in (".md", ".markdown", ".mdx", ".qmd", ".rmd"):
        readers = (_markdown_and_html,)
    else:
        readers = (_markdown_and_html, read_delimited)
    if read_delimited in readers and (read_markdown(text) or "<table" in text.lower()):
        readers = (_markdown_and_html,)
    return next((found for reader in readers if (found := reader(text))), [])


def _markdown_and_html(text: str) -> list[Grid]:
    """Markdown files often carry HTML tables; those come after the others."""
    found = read_markdown(text)
    return found + read_html(text) if "<table" in text.lower() else found
