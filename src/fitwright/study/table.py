"""``runs.csv``: a row for each finished cell, as ``study fit`` reads it; and the curves behind the rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import write_text
from fitwright.scaling.design.plan import PLAN_NAME, Cell, Plan
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.study.cell import settings_of
from fitwright.study.folder import StudyFolder
from fitwright.training.directory import read_history
from fitwright.training.history import History, Point

COLUMNS = (
    "cell", "role", "params", "non_embedding_params", "tokens", "unique_tokens", "epochs", "flops", "loss",
    "train_loss", "best_loss", "best_epoch", "recall", "heldout_recall", "heldout_losses", "train_losses",
    "width", "heads", "layers", "batch_blocks", "learning_rate", "seconds", "predicted_seconds",
)  # fmt: skip
"""``loss``: held out, at the end of the run, in nats a token; ``train_loss``: then, on tokens that were
trained on; ``heldout_losses``, ``train_losses``: after each epoch."""

_PLANNED = ("epochs", "batch_size", "learning_rate", "weight_decay", "dropout", "max_length", "seed")
"""Settings of a cell that the plan says."""


@dataclass(frozen=True, kw_only=True)
class CellRun:
    """A finished cell and its curve."""

    cell: Cell
    history: History

    @property
    def last(self) -> Point:
        return self.history.points[-1]

    def row(self) -> dict[str, Any]:
        """Its row of the table."""
        cell, points, best = self.cell, self.history.points, self.history.best
        metrics = self.last.metrics
        return {
            "cell": cell.name, "role": cell.role, "params": cell.parameters,
            "non_embedding_params": cell.non_embedding, "tokens": cell.tokens,
            "unique_tokens": cell.unique_tokens, "epochs": cell.epochs, "flops": f"{cell.flops:.6g}",
            "loss": _figure(self.last.validation_loss), "train_loss": _figure(metrics["seen_loss"]),
            "best_loss": _figure(best.validation_loss), "best_epoch": best.epoch + 1,
            "recall": _figure(metrics.get("seen_recall")), "heldout_recall": _figure(metrics.get("recall")),
            "heldout_losses": " ".join(_figure(p.validation_loss) for p in points),
            "train_losses": " ".join(_figure(p.metrics["seen_loss"]) for p in points),
            "width": cell.shape.width, "heads": cell.shape.heads, "layers": cell.shape.layers,
            "batch_blocks": cell.batch_blocks, "learning_rate": cell.learning_rate,
            "seconds": f"{self.history.seconds:.1f}", "predicted_seconds": cell.seconds,
        }  # fmt: skip


def finished(folder: StudyFolder, plan: Plan) -> tuple[CellRun, ...]:
    """The cells that are trained, in the plan's order.

    Raises:
        UsageError: the plan was changed after one of them was trained.
    """
    trained = [cell for cell in plan.cells if (folder.cell(cell) / MANIFEST_NAME).is_file()]
    for cell in trained:
        settings, wanted = Manifest.read(folder.cell(cell)).settings, settings_of(plan, cell).as_json()
        changed = sorted(name for name in _PLANNED if settings.get(name) != wanted[name])
        if changed:
            raise UsageError(
                f"the plan was changed after the cell {cell.name} was trained", got=", ".join(changed),
                mend=f"Undo the change in {PLAN_NAME}, or delete {folder.cell(cell)} to train it anew.",
            )  # fmt: skip
    return tuple(CellRun(cell=cell, history=read_history(folder.cell(cell))) for cell in trained)


def write_runs(folder: StudyFolder, runs: tuple[CellRun, ...]) -> None:
    """Write ``runs.csv`` anew, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.row() for run in runs)
    write_text(folder.runs, text.getvalue())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
