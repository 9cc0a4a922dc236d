"""The finished cells of a study, and ``runs.csv``: a row for each, as ``study fit`` reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fitwright.core.errors import UsageError
from fitwright.core.files import write_text
from fitwright.scaling.design.plan import PLAN_NAME, StudyPlan
from fitwright.spec.manifest import Manifest
from fitwright.study.folder import StudyFolder
from fitwright.study.kinds import KINDS, FinishedRun

_PLANNED = ("epochs", "batch_size", "learning_rate", "weight_decay", "dropout", "max_length", "seed")
"""Settings of a cell that the plan says."""


def finished(folder: StudyFolder, plan: StudyPlan) -> tuple[FinishedRun, ...]:
    """The cells that are trained, in the plan's order.

    Raises:
        UsageError: the plan was changed after one of them was trained.
    """
    kind = KINDS[plan.kind]
    trained = [cell for cell in plan.cells if kind.finished(folder, cell)]
    for cell in trained:
        settings, wanted = Manifest.read(folder.cell(cell)).settings, kind.settings(plan, cell).as_json()
        changed = sorted(name for name in _PLANNED if settings.get(name) != wanted[name])
        if changed:
            raise UsageError(
                f"the plan was changed after the cell {cell.name} was trained", got=", ".join(changed),
                mend=f"Undo the change in {PLAN_NAME}, or delete {folder.cell(cell)} to train it anew.",
            )  # fmt: skip
    return tuple(kind.run(folder, plan, cell) for cell in trained)


def write_runs(folder: StudyFolder, plan: StudyPlan, runs: Sequence[FinishedRun]) -> None:
    """Write ``runs.csv`` anew, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, KINDS[plan.kind].columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.row() for run in runs)
    write_text(folder.runs, text.getvalue())
