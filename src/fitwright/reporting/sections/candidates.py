"""The search: quality against latency as a plot, every candidate as a row, the models considered before."""

from __future__ import annotations

from collections.abc import Sequence

from fitwright.reporting.blocks import Block, Cell, Column, Figure, Folded, Mark, Section, Table, Text
from fitwright.reporting.charts.scatter import Limits, Point, Role, scatter
from fitwright.reporting.document import CandidateRow, Report, Status
from fitwright.reporting.sections.summary import metric
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


_SECONDARY = frozenset({"f1", "latency-p50", "parameters"})


def candidates(report: Report) -> Section | None:
    """The plot and the table of every point that was tried or ruled out."""
    blocks: list[Block] = [block for block in (_plot(report),) if block is not None]
    blocks += _tables(report)
    if not blocks:
        return None
    lead = (
        "Every candidate was measured in its own engine, on the same held-out rows. "
        "Up and to the left is better; a smaller disc is a smaller model."
    )
    return Section("candidates", "Quality against latency and size", tuple(blocks), lead, "Quality and speed")


def _plot(report: Report) -> Figure | None:
    name = metric(report)
    if name is None:
        return None
    latency = _latency_name(report)
    rows = [(c.name, _role(c), c.measured) for c in report.candidates if c.measured is not None]
    records: list[tuple[str, Role, Record]] = [(n, role, r) for n, role, r in rows if r is not None]
    if report.result is not None and not any(role == "chosen" for _, role, _ in records):
        records.append((report.result.subject, "chosen", report.result))
    if report.source is not None:
        records.append((report.source.subject, "source", report.source))
    points = [p for p in (_point(*row, latency, name) for row in records) if p is not None]
    if len(points) < 2:
        return None
    limits = _limits(report, latency, name)
    x_title, y_title = title(latency), title(name)
    wide = scatter(points, limits, x_title=x_title, y_title=y_title)
    narrow = scatter(points, limits, x_title=x_title, y_title=y_title, width=400, height=400)
    caption = (
        f"{y_title} on held-out rows against {x_title.lower()}. Bars are the measured intervals, the area of "
        "a disc is the size on disk, the shaded region is the budget."
    )
    return Figure(wide, narrow, caption)


def _latency_name(report: Report) -> str:
    named = {line["name"] for line in report.budget}
    return "latency-p50" if "latency-p50" in named and "latency-p95" not in named else "latency-p95"


def _role(candidate: CandidateRow) -> Role:
    return {"chosen": "chosen", "met": "met"}.get(candidate.status, "missed")  # type: ignore[return-value]


def _point(name: str, role: Role, record: Record, latency: str, quality: str) -> Point | None:
    x, y = record.get(latency), record.get(quality)
    if x is None or y is None or "estimated" in (x.origin, y.origin):
        return None
    return Point(
        name=name, role=role, latency=x.value, quality=y.value, size=record.value("size"),
        latency_interval=_bounds(x), quality_interval=_bounds(y),
    )  # fmt: skip


def _bounds(quantity: Quantity) -> tuple[float, float] | None:
    return None if quantity.low is None or quantity.high is None else (quantity.low, quantity.high)


def _limits(report: Report, latency: str, quality: str) -> Limits:
    targets = {line["name"]: line["target"] for line in report.budget}
    before = report.source.value(quality) if report.source else None
    drop = targets.get("max-drop")
    floor = None if before is None or drop is None else before - drop / 100
    return Limits(latency=targets.get(latency), quality=floor)


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
    group = "Measured" if measured else "Predicted (estimates)"
    columns = (
        Column("Candidate", wide=True), Column("Outcome", wide=True),
        *(Column(title(name), numeric=True, group=group) for name in names),
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
    lead = Text("Nothing in this table was run: latency and memory are predictions with their intervals.")
    return Section("models", "Models considered", (lead, table), short="Models")
