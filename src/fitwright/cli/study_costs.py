"""What a ladder will cost, as the text of a plan of either kind shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwright.core.units import format_bytes, format_flops, format_seconds

if TYPE_CHECKING:
    from fitwright.reporting.tables import Column
    from fitwright.scaling.design.plan import StudyPlan


def cost_columns() -> list[Column[Any]]:
    """Of a table of cells: rate, compute, time, memory."""
    from fitwright.reporting.tables import Column

    return [
        Column(key="rate", title="Rate", value=lambda c: c.learning_rate, text=lambda v: f"{v:.1e}",
               numeric=True, spare=4),
        Column(key="flops", title="Compute", value=lambda c: c.flops, text=format_flops, numeric=True),
        Column(key="seconds", title="Time", value=lambda c: c.seconds, text=format_seconds, numeric=True),
        Column(key="memory", title="Memory", value=lambda c: c.memory_bytes, text=format_bytes,
               numeric=True, spare=1),
    ]  # fmt: skip


def whole_text(plan: StudyPlan) -> str:
    """Compute and time of all cells, and how many go side by side."""
    return (
        f"the whole: {format_flops(plan.flops)}, about {format_seconds(plan.seconds)} with {plan.workers} "
        f"side by side (measured: {plan.speed['side_by_side_gain']:.2f}× one with all threads)"
    )
