"""Predicted against measured: the chart, the table, and how many intervals held."""

from __future__ import annotations

from statistics import median

from fitwright.reporting.blocks import Block, Cell, Column, Figure, Section, Table
from fitwright.reporting.charts.intervals import Ratio, intervals
from fitwright.reporting.document import Prediction, Report
from fitwright.reporting.wording import cell, percent, show, title

_MOST_IN_CHART = 24


def predictions(report: Report) -> Section | None:
    """Every prediction that has a measurement, with its error."""
    rows = report.predictions
    if not rows:
        return None
    held = sum(row.inside for row in rows)
    errors = sorted(abs(row.error) for row in rows if row.error is not None)
    middle = f"; the median error is {percent(median(errors)).lstrip('+')}" if errors else ""
    lead = (
        f"{held} of {len(rows)} measurements lie inside the predicted interval{middle}. "
        "Each prediction was made before its subject was measured."
    )
    blocks: list[Block] = [block for block in (_chart(rows), _table(rows)) if block is not None]
    return Section("predictions", "Predicted against measured", tuple(blocks), lead, "Predictions")


def _chart(rows: tuple[Prediction, ...]) -> Figure | None:
    ratios = [r for r in (_ratio(row) for row in rows) if r is not None][:_MOST_IN_CHART]
    if not ratios:
        return None
    caption = (
        "Each dot is a prediction in multiples of what was measured, the bar its interval. "
        "Where the bar crosses the line at 1×, the interval held."
    )
    return Figure(intervals(ratios), intervals(ratios, width=400), caption)


def _ratio(row: Prediction) -> Ratio | None:
    predicted, measured = row.predicted, row.measured.value
    low, high = predicted.low, predicted.high
    if measured <= 0 or low is None or high is None or predicted.value <= 0:
        return None
    words = f"{_name(row)}: predicted {show(row.name, predicted)}, measured {show(row.name, row.measured)}"
    return Ratio(
        name=_name(row), value=predicted.value / measured, low=max(low / measured, 1e-3),
        high=high / measured, inside=row.inside, words=words,
    )  # fmt: skip


def _name(row: Prediction) -> str:
    return f"{title(row.name)}, {row.subject}"


def _table(rows: tuple[Prediction, ...]) -> Table:
    columns = (
        Column("Quantity"), Column("Subject", wide=True), Column("Predicted", numeric=True),
        Column("Measured", numeric=True), Column("Error", numeric=True), Column("Interval held"),
    )  # fmt: skip
    cells = tuple(
        (
            Cell(title(row.name)), Cell(row.subject),
            cell(row.name, row.predicted), cell(row.name, row.measured),
            Cell(percent(row.error), sort=row.error),
            Cell("yes", mark="yes") if row.inside else Cell("no", mark="no"),
        )
        for row in rows
    )  # fmt: skip
    return Table(columns, cells, "Predictions and their errors", sortable=True)
