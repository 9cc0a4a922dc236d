"""How the largest run of a ladder came out, beside what the law said of it without having seen it."""

from __future__ import annotations

from collections.abc import Sequence

from fitwright.core.errors import CheckError
from fitwright.core.units import format_count
from fitwright.reporting.blocks import Cell, Column, Section, Table, Text
from fitwright.scaling.design.plan import TARGET
from fitwright.scaling.fitted import FittedStudy
from fitwright.study.ladder_runs import LadderRun, verdicts


def target_section(study: FittedStudy, runs: Sequence[LadderRun]) -> Section | None:
    """Predicted and measured loss of the runs that were left out; ``None`` where there are none."""
    left_out = [run for run in runs if run.role == TARGET]
    if not left_out:
        return None
    most = float(study.runs.flops.max())
    lead = (
        "No law was fitted to these. The interval is that of back-tests: what earlier predictions of such a "
        "reach missed by."
    )
    try:
        found = verdicts(study, runs)
    except CheckError as error:
        return Section("target", "The largest run, predicted", (Text(str(error), "warning"),), lead, "Test")
    numeric = ("Parameters", "Tokens", "Compute over the largest fitted", "Predicted", "Measured", "Off")
    columns = (*(Column(title, numeric=True) for title in numeric), Column("Inside the interval"))
    rows = []
    for run, told in found:
        low, high = told.interval
        inside = low <= run.loss <= high
        rows.append((
            Cell(format_count(run.size)), Cell(format_count(run.tokens)),
            Cell(f"{6 * run.size * run.tokens / most:.1f}×"),
            Cell(f"{told.loss:.3f}", f"{low:.3f} – {high:.3f} (±{100 * (high / told.loss - 1):.1f} %)",
                 "estimated"),
            Cell(f"{run.loss:.3f}"), Cell(f"{100 * (told.loss / run.loss - 1):+.2f} %"),
            Cell("yes", mark="yes") if inside else Cell("no", mark="no"),
        ))  # fmt: skip
    return Section("target", "The largest run, predicted", (Table(columns, tuple(rows)),), lead, "Test")
