"""A corpus: documents of plain text, each once, with a part held out that no training text repeats.

A document is a row of a table, a file of a folder, or what empty lines part in a single text file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError, UsageError
from fitwright.data.columns import detect_text
from fitwright.data.content import normalised
from fitwright.data.encoding import encoding_error, refuse_binary
from fitwright.data.reading import FORMATS, read_table
from fitwright.data.splitting import place_of

TEXT_SUFFIXES = (".txt", ".text", ".md")
FEWEST_DOCUMENTS = 20
HELD_OUT = 0.05
"""Share of the documents that is held out unless told."""


@dataclass(frozen=True, kw_only=True)
class CorpusSource:
    """Where a corpus came from.

    Attributes:
        path: file or folder. column: of the text, where it was a table.
        fingerprint: SHA-256 of all documents in order, the held-out ones marked.
        rows: documents kept. characters: in them.
        duplicates, empty: documents left out: those that repeat an earlier one but for case, punctuation and
            white space, and those without text.
        held_out: documents of the held-out part.
    """

    path: Path
    column: str | None
    fingerprint: str
    rows: int
    characters: int
    duplicates: int
    empty: int
    held_out: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Documents to train on and to judge by, in the order of a keyed hash: any prefix is a sample."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]
    source: CorpusSource


def read_corpus(path: Path, *, text: str | None = None, held_out: float = HELD_OUT, seed: int = 0) -> Corpus:
    """Read a corpus, drop repeats, hold a part out.

    Which part a document is of follows from a keyed hash of its normalised text alone: neither its place nor
    other documents move it.

    Args:
        path: a text file (documents parted by empty lines), a folder of text files, or a table.
        text: column of a table; ``None`` to look for it.
        held_out: expected share of documents, above 0, at most one half.
        seed: another seed is another split and another order.

    Raises:
        DataError: nothing to read, no UTF-8, too few documents, an unclear column.
        UsageError: ``held_out`` out of range.
    """
    if not 0 < held_out <= 0.5:
        raise UsageError("the held-out share is out of range", got=held_out, allowed="above 0, at most 0.5")
    documents, column = _documents(Path(path), text)
    kept, duplicates, empty = _distinct(documents)
    if len(kept) < FEWEST_DOCUMENTS:
        raise DataError(
            "too few documents for a corpus", got=f"{len(kept)} in {path}",
            allowed=f"{FEWEST_DOCUMENTS} or more",
            mend="A document is a row of a table, a file of a folder, or what empty lines part in a text.",
        )  # fmt: skip
    placed = sorted((place_of(key, seed=seed), key) for key in kept)
    first = max(1, sum(place < held_out for place, _ in placed))  # the held-out part is a prefix
    texts = tuple(kept[key] for _, key in placed)
    source = CorpusSource(
        path=Path(path), column=column, fingerprint=_fingerprint(texts, first), rows=len(texts),
        characters=sum(map(len, texts)), duplicates=duplicates, empty=empty, held_out=first,
    )  # fmt: skip
    return Corpus(training=texts[first:], held_out=texts[:first], source=source)


def document_place(document: str, *, seed: int) -> float:
    """Where a document stands in the order of its corpus, in [0, 1): held out is what stands first."""
    return place_of(_key(document), seed=seed)


def _key(document: str) -> str:
    return hashlib.sha256(normalised(document).encode()).hexdigest()


def _documents(path: Path, column: str | None) -> tuple[Sequence[str], str | None]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in TEXT_SUFFIXES)
        if files:
            return [_text(file) for file in files], None
    elif path.suffix.lower() in TEXT_SUFFIXES:
        if not path.exists():
            raise DataError("data file not found", got=str(path), mend="Check the path.")
        return _paragraphs(_text(path)), None
    if path.is_dir():
        raise DataError(
            "the folder holds no text files", got=str(path), allowed=", ".join(TEXT_SUFFIXES),
            mend=f"Give a table ({FORMATS}) as a file.",
        )  # fmt: skip
    table = read_table(path)
    found = detect_text(table, column)
    return table.columns[found], found


def _text(path: Path) -> str:
    refuse_binary(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise encoding_error(path) from None


def _paragraphs(text: str) -> list[str]:
    paragraphs: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return ["\n".join(lines) for lines in paragraphs if lines]


def _distinct(documents: Sequence[str]) -> tuple[dict[str, str], int, int]:
    """Normalised text → the first document of that text; how many repeat one; how many are empty."""
    kept: dict[str, str] = {}
    duplicates = empty = 0
    for document in documents:
        plain = document.strip().encode("utf-8", "replace").decode()
        if not plain:
            empty += 1
            continue
        key = _key(plain)
        if key in kept:
            duplicates += 1
        else:
            kept[key] = plain
    return kept, duplicates, empty


def _fingerprint(texts: Sequence[str], held_out: int) -> str:
    digest = hashlib.sha256(f"fitwright corpus 1 {held_out}".encode())
    for text in texts:
        content = text.encode()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
