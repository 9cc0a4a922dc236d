"""Language modelling: plain texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, normalised
from fitwright.data.encoding import encoding_error, refuse_binary
from fitwright.data.interface import RowSource
from fitwright.data.kinds.texts import TEXT
from fitwright.data.reading import check_file, read_table
from fitwright.data.roles import complete_rows, find_columns
from fitwright.data.values import text_at

KIND = "documents"
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Texts, each whole in itself."""

    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Iterable[int]) -> Documents:
        """The texts at ``indices``, in that order."""
        return Documents(texts=tuple(self.texts[i] for i in indices))

    def keys(self) -> tuple[str, ...]:
        """The normalised texts."""
        return tuple(normalised(text) for text in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the texts."""
        return fingerprint_of("documents 1", ((text,) for text in self.texts))


def load_documents(path: Path, *, columns: Mapping[str, str] | None = None) -> tuple[Documents, RowSource]:
    """Read plain texts.

    Args:
        path: a ``.txt`` file, whose documents are divided by blank lines, or stand one a line where it has no
            blank line; a folder of ``.txt`` files, in the order of their names; or a table with a text a row
            (its only column, whatever it is called).
        columns: ``text`` → column, of a table.

    Raises:
        DataError: unreadable file, no text in it, unclear columns.
    """
    path = Path(path)
    check_file(path)
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path] if path.suffix.lower() == ".txt" else []
    if files:
        texts = tuple(text for file in files for text in _documents(file))
        found: dict[str, str] = {}
        left_out: dict[str, int] = {}
    else:
        table = read_table(path)
        only = {"text": next(iter(table.values))} if len(table.values) == 1 else {}
        found = find_columns(table, (TEXT,), columns or only)
        kept, left_out = complete_rows(table, found, ("text",))
        texts = tuple(text_at(table, found["text"], row) for row in kept)
    if not texts:
        raise DataError("there is no text in it", got=str(path), mend="Give a file with text.")
    dataset = Documents(texts=texts)
    return dataset, RowSource(
        path=path, kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out,
    )  # fmt: skip


def _documents(path: Path) -> list[str]:
    check_file(path)
    refuse_binary(path)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise encoding_error(path) from None
    parts = _BLANK_LINES.split(text) if _BLANK_LINES.search(text) else text.split("\n")
    return [part.strip() for part in parts if part.strip()]
