"""The figures that an entry of a table states: one a cell, several under ``L/H/A``, or inside a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fitwright.sizing.checking.headings import COUNTS, Heading
from fitwright.sizing.checking.layout import Cell, Entry, Layout
from fitwright.sizing.checking.phrases import read_phrases, read_triple
from fitwright.sizing.checking.stated import Refused, Stated, lacks_unit, read_number


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A figure that a cell states."""

    field: str
    cell: Cell
    stated: Stated


def read_facts(entry: Entry) -> tuple[list[Fact], list[str]]:
    """Every figure of an entry in the order of its columns, and why others could not be read."""
    found, notes = list(_inside(entry.name)), []
    for heading, cell in entry.cells:
        if heading.role != "figures":
            found += _inside(cell)
            continue
        for field, text in _split(heading, cell.text):
            scale = heading.scale if field in _SCALED else 1
            stated = read_number(text, scale=scale, approximate=heading.approximate)
            if isinstance(stated, Stated) and field in COUNTS and lacks_unit(stated):
                stated = Refused(text, "it has no unit, such as M, B, 万 or 亿")
            if isinstance(stated, Refused):
                notes.append(f"{heading.text}: {stated.text!r} was not judged: {stated.why}")
            elif stated is not None:
                found.append(Fact(field=field, cell=cell, stated=stated))
    return found, notes


def reading_notes(layout: Layout) -> list[str]:
    """Which columns of a table were passed over, and where ``12/768/12`` was read without such a heading."""
    passed: dict[str, bool] = {}
    notes = []
    for entry in layout.entries:
        for heading, cell in entry.cells:
            wordy = heading.role == "variant" and not re.search(r"\d", cell.text)
            if heading.role == "figures" or wordy or not heading.text:
                continue
            passed[heading.text] = passed.get(heading.text, True) and not any(_inside(cell))
            if read_triple(cell.text)[1]:
                notes.append(f"{heading.text}: {cell.text} was read as layers, hidden size and heads")
    ignored = ", ".join(text for text, nothing in passed.items() if nothing)
    if ignored:
        notes.append(f"no figure that can be judged in: {ignored}")
    return notes


_SCALED = COUNTS | {"vocab", "length"}
"""Fields that a unit in the heading is for: nobody counts layers in millions."""

_STACKS = re.compile(r"^(\d+)\s*(?:[a-z]+\.?|层|编码器?)?\s*[+/]\s*(\d+)\s*(?:[a-z]+\.?|层|解码器?)?$")
_TWICE = re.compile(r"^(?:2\s*[x×*]\s*(\d+)|(\d+)\s*[x×*]\s*2)$")


def _inside(cell: Cell) -> Iterator[Fact]:
    """Figures in a sentence, or in the ``12/768/12`` behind a name."""
    for name, text in read_triple(cell.text)[1] or read_phrases(cell.text):
        stated = read_number(text)
        if isinstance(stated, Stated):
            yield Fact(field=name, cell=cell, stated=stated)


def _split(heading: Heading, text: str) -> list[tuple[str, str]]:
    """(field, text) of each figure of a cell: several under ``L/H/A``, two stacks in ``6+6``."""
    if heading.role != "figures":
        return []
    if len(heading.fields) > 1:
        parts = _parts(text, len(heading.fields))
        if len(parts) == 1 and set(heading.fields) == {"encoder_layers", "decoder_layers"}:
            return _split(replace(heading, fields=("layers",)), text)
        if len(parts) != len(heading.fields):
            return [(heading.fields[0], text)]
        return [
            pair
            for name, part in zip(heading.fields, parts, strict=True)
            for pair in _split(replace(heading, fields=(name,)), part)
        ]
    name = heading.fields[0]
    if name in ("layers", "encoder_layers"):
        stacks, twice = _STACKS.match(text.strip().lower()), _TWICE.match(text.strip().lower())
        if stacks:
            return [("encoder_layers", stacks[1]), ("decoder_layers", stacks[2])]
        if twice:
            each = twice[1] or twice[2]
            return [("encoder_layers", each), ("decoder_layers", each)]
    return [(name, text)]


def _parts(text: str, count: int) -> list[str]:
    """The figures of a combined cell, cut at the first separator that gives ``count`` of them."""
    for separator in (r"[/|;、／]", r"[×*x]", r",\s", r",", r"\s*[-–—]\s*", r"\s+", r"\+"):
        parts = [part.strip() for part in re.split(separator, text.strip(" ()[]")) if part.strip()]
        if len(parts) == count:
            return [re.sub(r"^[A-Za-z]\s*=?\s*(?=\d)|(?<=\d)\s*[LHADF]$", "", part) for part in parts]
    return [text]
