"""Quality against latency as a plot: the source and every candidate that ran, on the same rows."""

from __future__ import annotations

from fitwright.reporting.blocks import Figure
from fitwright.reporting.charts.scatter import Limits, Point, Role, scatter
from fitwright.reporting.document import CandidateRow, Report
from fitwright.reporting.sections.summary import metric
from fitwright.reporting.wording import title
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record


def plot(report: Report) -> Figure | None:
    """The chart; ``None`` where fewer than two models have both figures."""
    name = metric(report)
    if name is None:
        return None
    latency, source = _latency_name(report), _source(report)
    rows = [(c.name, _role(c), c.measured) for c in report.candidates if c.measured is not None]
    records: list[tuple[str, Role, Record]] = [(n, role, r) for n, role, r in rows if r is not None]
    if report.result is not None and not records:
        records.append((report.result.subject, "chosen", report.result))
    if source is not None:
        records.append((source.subject, "source", source))
    points = [p for p in (_point(*row, latency, name) for row in records) if p is not None]
    if len(points) < 2:
        return None
    limits, where = _limits(report, source, latency, name), records[0][2].context
    x_title, y_title = title(latency), title(name)
    wide = scatter(points, limits, x_title=x_title, y_title=y_title)
    narrow = scatter(points, limits, x_title=x_title, y_title=y_title, width=400, height=400)
    count = f"{where['rows']:,}" if isinstance(where.get("rows"), int) else ""
    rows_text = f"{count} {where.get('split') or 'held-out'}".strip()
    region = "" if limits == Limits() else ", the shaded region is the budget"
    caption = (
        f"{y_title} on {rows_text} rows against {x_title[:1].lower()}{x_title[1:]}. "
        f"Bars are the measured intervals, the area of a disc is the size on disk{region}."
    )
    if any(record.context.get("speed_split") for _, _, record in records):
        caption += " Speed of the shapes that were not chosen is from the search, on validation rows."
    return Figure(wide, narrow, caption)


def _source(report: Report) -> Record | None:
    """The source as measured on the candidates' rows; ``None`` where it was only measured on others."""
    source = report.baseline or report.source
    measured = [c.measured for c in report.candidates if c.measured is not None]
    return None if source is None or any(split(m) != split(source) for m in measured) else source


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


def _limits(report: Report, source: Record | None, latency: str, quality: str) -> Limits:
    """The budget on the plot's axes; what is relative refers to the source as it is drawn there."""
    lines = {line["name"]: line for line in report.budget}
    limit = lines[latency]["target"] if latency in lines else None
    stated = str(lines[latency]["stated"]).split()[-1] if latency in lines else ""
    drawn = source.value(latency) if source is not None else None
    if stated.endswith("x") and drawn is not None:
        limit = float(stated[:-1]) * drawn
    before = source.value(quality) if source is not None else None
    drop = lines["max-drop"]["target"] if "max-drop" in lines else None
    return Limits(latency=limit, quality=None if before is None or drop is None else before - drop / 100)


def split(record: Record | None) -> str:
    """The part of the data that a record was measured on; empty where it does not say."""
    return "" if record is None else str(record.context.get("split") or "")
