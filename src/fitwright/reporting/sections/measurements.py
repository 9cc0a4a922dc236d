"""All figures of source and result side by side, and every further measurement with its conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fitwright.reporting.blocks import Block, Cell, Column, Section, Table
from fitwright.reporting.document import Report
from fitwright.reporting.wording import NONE, SHARES, cell, change, title
from fitwright.spec.record import Record


def before_and_after(report: Report) -> Section | None:
    """Every quantity of the source beside the result's, estimates in a table of their own."""
    pair = [r for r in (report.source, report.result) if r is not None]
    if not pair:
        return None
    measured = [n for n in _names(pair) if not _estimated(pair, n)]
    estimated = [n for n in _names(pair) if _estimated(pair, n)]
    blocks: list[Block] = []
    if measured:
        blocks.append(_side_by_side(report, measured, "Counted and measured"))
    if estimated:
        blocks.append(_side_by_side(report, estimated, "Predicted (estimates)"))
    contexts = [(r.subject, r.context) for r in pair if r.context]
    if contexts:
        blocks.append(_conditions(contexts))
    both = report.source is not None and report.result is not None
    return Section("figures", "Before and after" if both else "Figures", tuple(blocks))


def _names(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record.quantities))


def _estimated(records: Iterable[Record], name: str) -> bool:
    held = (record.get(name) for record in records)
    return any(q is not None and q.origin == "estimated" for q in held)


def _side_by_side(report: Report, names: Sequence[str], caption: str) -> Table:
    source, result = report.source, report.result
    allowed = any(line["name"] == "max-drop" and line["met"] for line in report.budget)
    columns = [Column("Quantity")]
    if source is not None:
        columns.append(Column(f"Before: {source.subject}", numeric=True))
    if result is not None:
        columns.append(Column(f"After: {result.subject}", numeric=True))
    if source is not None and result is not None:
        columns.append(Column("Change"))
    rows = []
    for name in names:
        cells = [Cell(title(name))]
        cells += [cell(name, record.get(name)) for record in (source, result) if record is not None]
        if source is not None and result is not None:
            cells.append(_change(name, source, result, allowed))
        rows.append(tuple(cells))
    return Table(tuple(columns), tuple(rows), caption)


def _change(name: str, source: Record, result: Record, allowed: bool) -> Cell:
    before, after = source.value(name), result.value(name)
    if before is None or after is None or name == "drop":
        return NONE
    words, better = change(name, before, after)
    neutral = better is None or (allowed and not better and name in SHARES)
    return Cell(words, mark="" if neutral else "yes" if better else "no")


def _conditions(contexts: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    keys = list(dict.fromkeys(key for _, context in contexts for key in context))
    columns = (Column("Measured under"), *(Column(key) for key in keys))
    rows = tuple(
        (Cell(subject), *(Cell(plain_text(context[k])) if k in context else NONE for k in keys))
        for subject, context in contexts
    )
    return Table(columns, rows, "Conditions of the two columns above")


def further(report: Report) -> Section | None:
    """Further records: measured ones in one table, predicted ones in another."""
    blocks: list[Block] = []
    for caption, estimated in (("Measured", False), ("Predicted (estimates)", True)):
        table = _records(report.records, estimated, caption)
        if table is not None:
            blocks.append(table)
    if not blocks:
        return None
    lead = "Other engines, batches and lengths, each with the conditions it was measured under."
    return Section("further", "Further measurements", tuple(blocks), lead, "Further")


def _records(records: Sequence[Record], estimated: bool, caption: str) -> Table | None:
    rows = []
    for record in records:
        held = {n: q for n, q in record.quantities.items() if (q.origin == "estimated") == estimated}
        if held:
            rows.append(Record(subject=record.subject, quantities=held, context=record.context))
    if not rows:
        return None
    keys = list(dict.fromkeys(key for record in rows for key in record.context))
    names = _names(rows)
    columns = (
        Column("Subject", wide=True), *(Column(k, group="Conditions") for k in keys),
        *(Column(title(n), numeric=True, group=caption) for n in names),
    )  # fmt: skip
    cells = tuple(
        (
            Cell(r.subject),
            *(Cell(plain_text(r.context[k])) if k in r.context else NONE for k in keys),
            *(cell(n, r.get(n)) for n in names),
        )
        for r in rows
    )
    return Table(columns, cells, caption, sortable=True)


def plain_text(value: Any) -> str:
    """A plain JSON value as a reader sees it: ``a, b`` for lists, ``key: value`` pairs for objects."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {plain_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
