"""How ``fit`` and ``compress`` show their result in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwright.core.units import format_bytes, format_rate, format_seconds
from fitwright.reporting.tables import Column, terminal

if TYPE_CHECKING:
    from fitwright.pipeline.result import FitResult

_SHOWN = {
    "s": format_seconds, "B": format_bytes, "1/s": format_rate,
    "points": lambda v: f"{v:.2f} points", "USD": lambda v: f"{v:g} USD",
}  # fmt: skip


def fit_table(result: FitResult) -> str:
    """Headline, before/after table, budget table, where the bundle and the report are."""
    from fitwright.pipeline.result import before_after, conditions

    titles = ("", "source", "result", "change")
    columns = [
        Column(key=str(i), title=title, value=lambda row, i=i: row[i], numeric=i in (1, 2))  # type: ignore[misc]
        for i, title in enumerate(titles)
    ]
    table = terminal(before_after(result), columns)
    parts = [result.headline, "", table, conditions(result), "", budget_table(result.budget)]
    if not result.met:
        parts += ["", f"budget not met: {result.binding}", f"nearest point:  {result.nearest}"]
    parts += [f"\nwarning: {text}" for text in result.warnings]
    parts += ["", f"bundle  {result.bundle}", f"report  {result.report}"]
    return "\n".join(parts)


def budget_table(lines: tuple[dict[str, Any], ...]) -> str:
    """Each constraint with its target, what was measured, and whether it holds."""

    def shown(value: float | None, unit: str) -> str:
        return "–" if value is None else _SHOWN[unit](value)

    columns: list[Column[dict[str, Any]]] = [
        Column(key="budget", title="budget", value=lambda line: line["stated"]),
        Column(
            key="limit", title="limit", value=lambda line: shown(line["target"], line["unit"]), numeric=True
        ),
        Column(
            key="measured",
            title="measured",
            value=lambda line: shown(line["measured"], line["unit"]),
            numeric=True,
        ),
        Column(key="met", title="", value=lambda line: "✓" if line["met"] else "✗ missed"),
    ]
    return terminal(lines, columns)
