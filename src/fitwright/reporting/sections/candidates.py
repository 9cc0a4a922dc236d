"""The search: the plot, every candidate as a row, and the models considered before."""

from __future__ import annotations

from collections.abc import Sequence

from fitwright.reporting.blocks import Block, Cell, Column, Folded, Mark, Section, Table, Text
from fitwright.reporting.document import CandidateRow, Report, Status
from fitwright.reporting.sections.plot import plot, split
from fitwright.reporting.wording import NONE, cell, title
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record

_MARKS: dict[Status, Mark] = {
    "chosen": "chosen", "met": "yes", "missed": "no", "rejected": "muted", "skipped": "muted",
}  # fmt: skip
_ORDER = (
    "accuracy", "f1", "drop", "latency-p50", "latency-p95", "throughput-batch1", "throughput", "size",
    "memory", "parameters",
)  # fmt: skip
_SECONDARY = frozenset({"f1", "latency-p50", "throughput-batch1", "memory", "parameters"})


def candidates(report: Report) -> Section | None:
    """The plot and the table of every point that was tried or ruled out."""
    figure = plot(report)
    blocks: list[Block] = [] if figure is None else [figure]
    blocks += _tables(report)
    if not blocks:
        return None
    heading, lead = "Quality against latency and size", _lead(report, figure is not None)
    return Section("candidates", heading, tuple(blocks), lead, "Quality and speed")


def _lead(report: Report, drawn: bool) -> str:
    ran = [c.measured for c in report.candidates if c.measured is not None]
    here, there = split(ran[0] if ran else None), split(report.result)
    twice = (
        f"The search measures on the {here} rows, so that it never sees the {there} rows; the "
        "result and its source were measured there once more, which gave the figures above."
    )
    parts = ["Every candidate was measured in its own engine, on the same held-out rows."] * bool(ran)
    if any(record.context.get("speed_split") for record in ran):
        parts = [
            "Every candidate was measured in its own engine: quality on the test rows, and there the speed "
            "of the chosen one too; the speed of the others comes from the search, on validation rows."
        ]
    parts += [twice] * bool(here and there and here != there)
    parts += ["Up and to the left is better; a smaller disc is a smaller model."] * drawn
    return " ".join(parts)


def _tables(report: Report) -> list[Block]:
    rows = report.candidates
    ran = [c for c in rows if c.measured is not None or c.predicted is None]
    foreseen = [c for c in rows if c.predicted is not None]
    names = _names([c.measured for c in ran])
    short = [name for name in names if name not in _SECONDARY or len(names) <= 6]
    blocks: list[Block] = []
    if ran:
        blocks.append(_table(ran, short, "Every candidate that ran, as measured", measured=True))
    if foreseen:
        ahead = _names([c.predicted for c in foreseen])
        blocks.append(_table(foreseen, ahead, "Every candidate, as predicted beforehand", measured=False))
    rest = [name for name in names if name not in short]
    if rest:
        caption = "Further figures of every candidate that ran"
        blocks.append(Folded(caption, (_table(ran, rest, "", measured=True),)))
    return blocks


def _table(rows: Sequence[CandidateRow], names: Sequence[str], caption: str, *, measured: bool) -> Table:
    records = [row.measured if measured else row.predicted for row in rows]
    columns = (
        Column("Candidate", wide=True), Column("Outcome", wide=True),
        *(Column(title(name), numeric=True, group=_group(records, name, measured)) for name in names),
    )  # fmt: skip
    cells = []
    for row in rows:
        record = row.measured if measured else row.predicted
        figures = (cell(name, record.get(name)) if record is not None else NONE for name in names)
        told = (measured and row.measured is not None) or row.status in ("rejected", "skipped")
        outcome = Cell(row.status, row.reason if told else "", _MARKS[row.status])
        cells.append((Cell(row.name, row.steps), outcome, *figures))
    strong = next((i for i, row in enumerate(rows) if row.status == "chosen"), None)
    return Table(columns, tuple(cells), caption, strong, sortable=True)


def _group(records: Sequence[Record | None], name: str, measured: bool) -> str:
    if measured:
        return "Measured"
    origins = {q.origin for r in records if r is not None and (q := r.get(name)) is not None}
    return "Predicted (estimates)" if "estimated" in origins else "Counted"


def _names(records: Sequence[Record | None]) -> tuple[str, ...]:
    held = {name: None for record in records if record is not None for name in record.quantities}
    known = [name for name in _ORDER if name in held]
    return (*known, *(name for name in held if name not in _ORDER))


def models(report: Report) -> Section | None:
    """The source models that were considered, all by prediction."""
    if not report.models:
        return None
    columns = (
        Column("Model", wide=True), Column("Parameters", numeric=True),
        Column("Latency", numeric=True, group="Predicted (estimates)"),
        Column("Memory", numeric=True, group="Predicted (estimates)"), Column("Kept", wide=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(m.id),
            NONE if m.parameters is None else cell("parameters", Quantity.exact(m.parameters, "1")),
            cell("latency", m.latency), cell("memory", m.memory),
            Cell("kept" if m.kept else "rejected", m.reason, "yes" if m.kept else "muted"),
        )
        for m in report.models
    )  # fmt: skip
    table = Table(columns, rows, "Models considered", sortable=True)
    lead = Text("Latency and memory are predictions with their intervals: nothing was run for this table.")
    return Section("models", "Models considered", (lead, table), short="Models")
