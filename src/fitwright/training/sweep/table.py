"""A sweep as people read it: best first, with what each change bought, then what mattered."""

from __future__ import annotations

from typing import Any

from fitwright.core.units import format_count, format_seconds
from fitwright.reporting.tables import Column, markdown
from fitwright.training.sweep.result import Row, SweepResult
from fitwright.training.tasks.interface import Metric


def columns(result: SweepResult, metric: Metric) -> tuple[Column[Row], ...]:
    """The columns of its table; a value that the default run has too is left blank."""
    default = result.default
    changed: list[Column[Row]] = [
        Column(
            key=name, title=name, numeric=True, text=_short,
            value=lambda row, name=name: (  # type: ignore[misc]
                "" if row is not default and row.values[name] == default.values[name] else row.values[name]
            ),
        )
        for name in default.values
    ]  # fmt: skip
    return (
        Column(key="trial", title="trial", value=lambda row: row.trial),
        *changed,
        Column(key="score", title=metric.name, value=lambda row: row.score, text=metric.text, numeric=True),
        Column(key="change", title="change", value=_change, numeric=True,
               text=lambda value: f"{'+' if value >= 0 else '-'}{metric.text(abs(value))}"),
        Column(key="epochs", title="trained", value=lambda row: row.epochs, numeric=True, spare=1),
        Column(key="time", title="time", value=lambda row: row.seconds, text=format_seconds, numeric=True,
               spare=2),
        Column(key="parameters", title="parameters", value=lambda row: row.parameters or None,
               text=format_count, numeric=True, spare=3),
        Column(key="state", title="", value=lambda row: "" if row.state == "complete" else row.state),
    )  # fmt: skip


def lines(result: SweepResult, metric: Metric) -> list[str]:
    """What the table does not say: the best, what mattered, how far to trust it."""
    best = result.rows[0]
    found = [
        f"best: trial {best.trial}, validation {metric.name} {metric.text(best.score or 0.0)} "
        f"(default {metric.text(result.default.score or 0.0)})"
    ]
    if result.importance:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in result.importance.items())
        done = sum(row.state == "complete" for row in result.rows)
        found.append(f"what mattered ({result.importance_method}, {done} complete runs): {shares}")
    pruned = sum(row.state == "pruned" for row in result.rows)
    if pruned:
        found.append(f"pruned: {pruned} runs ended below the median; their score is of their last epoch")
    return found


def markdown_table(result: SweepResult, metric: Metric) -> str:
    """The page beside ``sweep.json``."""
    body = markdown(result.rows, columns(result, metric))
    space = ", ".join(f"`{text}`" for text in result.space)
    head = f"# Sweep over {space}\n\nScores are of the validation part, which chose among the runs."
    return "\n\n".join([head, body, *lines(result, metric)]) + "\n"


def _change(row: Row) -> float | None:
    return None if row.trial == "default" else row.change


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
