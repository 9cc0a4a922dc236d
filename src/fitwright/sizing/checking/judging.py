"""Every figure of a table against the catalogue: which cells are wrong, and what could not be judged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.sizing.checking.documents import Grid, read_document
from fitwright.sizing.checking.facts import Fact, read_facts, reading_notes
from fitwright.sizing.checking.figures import agrees, figures, has_no_limit, off_by, right_one
from fitwright.sizing.checking.headings import COUNTS, title
from fitwright.sizing.checking.layout import Entry, Layout, lay_out
from fitwright.sizing.checking.matching import NoMatch, match, namesake
from fitwright.sizing.checking.origins import explain, source_of
from fitwright.sizing.checking.phrases import read_triple
from fitwright.sizing.checking.report import Report, Wrong
from fitwright.spec.model import ModelSpec


@dataclass
class _Tally:
    """What has been found so far."""

    wrong: list[Wrong] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged: int = 0
    rows: int = 0
    known: int = 0


def check_file(path: str | Path) -> Report:
    """Judge every table of a file.

    A parameter count is wrong when it is more than 2 % (5 % where the table marks it as approximate) from
    every standard class of the model; a size is wrong when it is not equal.

    Args:
        path: a Markdown, HTML, CSV or TSV file.

    Raises:
        UsageError: no such file.
        DataError: no table in it, no column of models, or no column that can be judged.
    """
    document = read_document(path)
    layouts = [(number, lay_out(grid)) for number, grid in enumerate(document.tables, start=1)]
    if not any(layout for _, layout in layouts):
        raise DataError(
            "no table of the file has a column of models", got=_headings_of(document.tables),
            allowed="a heading such as Model, Name, 模型 or 模型名称",
        )  # fmt: skip
    tally = _Tally(notes=list(document.notes))
    several = len(document.tables) > 1
    for number, layout in layouts:
        place = f"table {number}, " if several else ""
        if layout is None:
            tally.notes.append(f"table {number} has no column of models and was not judged")
            continue
        _judge_table(layout, number, place, tally)
    if not tally.judged and not any(layout and _can_judge(layout) for _, layout in layouts):
        raise DataError(
            "no column of figures that can be judged", got=_headings_of(document.tables),
            allowed="parameters, layers, hidden size, heads, feed-forward size, vocabulary, maximum length",
        )  # fmt: skip
    return Report(
        path=str(path), wrong=tuple(tally.wrong), judged=tally.judged, rows=tally.rows, known=tally.known,
        tables=sum(layout is not None for _, layout in layouts), notes=tuple(tally.notes),
    )  # fmt: skip


def _headings_of(tables: tuple[Grid, ...]) -> str:
    return " / ".join(", ".join(cell for cell in grid[0] if cell) for grid in tables)


def _can_judge(layout: Layout) -> bool:
    return any(heading.role == "figures" for heading in layout.headings) or any(
        read_facts(entry)[0] for entry in layout.entries
    )


def _judge_table(layout: Layout, number: int, place: str, tally: _Tally) -> None:
    tally.notes += [f"{place}{note}" for note in (*layout.notes, *reading_notes(layout))]
    for entry in layout.entries:
        where = f"{place}row {entry.name.row}" if entry.name.row else f"{place}column {entry.name.text!r}"
        if entry.name.text:
            _judge_entry(entry, number, where, tally)
        else:
            tally.notes.append(f"{where}: no model's name, so it was not judged")


def _judge_entry(entry: Entry, number: int, where: str, tally: _Tally) -> None:
    facts, unread = read_facts(entry)
    tally.rows += 1
    name = read_triple(entry.name.text)[0] or entry.name.text
    found = match(name, [(fact.field, fact.stated) for fact in facts], variant=entry.variant)
    if isinstance(found, NoMatch):
        tally.notes.append(f"{where}: {found.why}")
        return
    tally.known += 1
    tally.notes += [f"{where}: {found.how}"] if found.how else []
    tally.notes += [f"{where}, {note}" for note in unread]
    before = len(tally.wrong)
    for fact in facts:
        _judge(fact, found.spec, name, number, where, tally)
    if sum(wrong.field not in COUNTS for wrong in tally.wrong[before:]) > 1:
        other = namesake(name, [(fact.field, fact.stated) for fact in facts if fact.field not in COUNTS])
        if other is not None:
            tally.notes.append(f"{where}: the sizes stated for {name} are those of {other.id}")


def _judge(fact: Fact, spec: ModelSpec, name: str, number: int, where: str, tally: _Tally) -> None:
    known = figures(spec, fact.field)
    if not known and not fact.stated.number:
        return  # no decoder, no layers in it
    if not known:
        why = f"the catalogue has no {title(fact.field)} for {spec.id}"
        tally.notes.append(f"{where}, {fact.cell.column}: not judged, {why}")
        return
    right = any(agrees(fact.stated, figure, fact.field) for figure in known)
    if not right and fact.field == "length" and has_no_limit(spec):
        why = f"{spec.id} has no table of positions; {known[0].value} is the length it was trained with"
        tally.notes.append(f"{where}, {fact.cell.column}: not judged, {why}")
        return
    tally.judged += 1
    if fact.stated.aside and re.search(r"\d", fact.stated.aside):
        tally.notes.append(f"{where}, {fact.cell.column}: in brackets, not judged: {fact.stated.aside}")
    if right:
        return
    figure = right_one(fact.stated, known) if fact.field in COUNTS else known[0]
    tally.wrong.append(
        Wrong(
            row=fact.cell.row, column=fact.cell.column, stated=fact.stated.text, correct=figure.value,
            error_pct=100 * off_by(fact.stated, figure), source=source_of(spec, figure, fact.field),
            model=name, id=spec.id, field=fact.field, table=number,
            note=explain(fact.stated, spec, figure, fact.field),
        )
    )  # fmt: skip
