"""A row of ``runs.csv`` for each finished cell of labelled data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fitwright.scaling.design.label_plan import Encoder, LabelCell, LabelPlan
from fitwright.study.folder import StudyFolder
from fitwright.study.labels.cell import passes_of
from fitwright.study.labels.judging import Judged
from fitwright.training.directory import read_history
from fitwright.training.history import History

COLUMNS = (
    "cell", "model", "params", "non_embedding_params", "unique_rows", "draw", "epochs", "dropout",
    "weight_decay", "error", "loss", "accuracy", "train_loss", "train_accuracy", "best_epoch",
    "validation_accuracy", "validation_loss", "validation_losses", "flops", "batch_rows", "learning_rate",
    "seconds", "predicted_seconds",
)  # fmt: skip
"""``error``, ``loss``, ``accuracy``: on held-out rows, of the state that validation chose; ``train_…``: the
same on rows that were trained on; ``error``: 1 − accuracy; ``seconds``: of the training steps alone, where
``predicted_seconds`` has evaluations too, on one thread."""


@dataclass(frozen=True, kw_only=True)
class LabelRun:
    """A finished cell, its curve and its judgement."""

    cell: LabelCell
    encoder: Encoder
    history: History
    judged: Judged

    @property
    def best_epoch(self) -> int:
        """Passes over the rows after which validation was best; that state is kept."""
        return (self.history.best.epoch + 1) * passes_of(self.cell.epochs)

    def row(self) -> dict[str, Any]:
        """Its row of the table."""
        cell, judged, best = self.cell, self.judged, self.history.best
        return {
            "cell": cell.name, "model": cell.encoder, "params": self.encoder.parameters,
            "non_embedding_params": self.encoder.non_embedding, "unique_rows": cell.unique_rows,
            "draw": cell.draw, "epochs": cell.epochs,
            "dropout": "" if cell.dropout is None else f"{cell.dropout:g}",
            "weight_decay": f"{cell.weight_decay:g}", "error": _figure(1 - judged.heldout_accuracy),
            "loss": _figure(judged.heldout_loss), "accuracy": _figure(judged.heldout_accuracy),
            "train_loss": _figure(judged.seen_loss), "train_accuracy": _figure(judged.seen_accuracy),
            "best_epoch": self.best_epoch, "validation_accuracy": _figure(best.score),
            "validation_loss": _figure(best.validation_loss),
            "validation_losses": " ".join(_figure(p.validation_loss) for p in self.history.points),
            "flops": f"{cell.flops:.6g}", "batch_rows": cell.batch_rows, "learning_rate": cell.learning_rate,
            "seconds": f"{self.history.seconds:.1f}", "predicted_seconds": cell.seconds,
        }  # fmt: skip


def run_of(folder: StudyFolder, plan: LabelPlan, cell: LabelCell) -> LabelRun:
    """A finished cell."""
    path = folder.cell(cell)
    return LabelRun(
        cell=cell, encoder=plan.encoder(cell.encoder), history=read_history(path), judged=Judged.read(path)
    )


def _figure(value: float) -> str:
    return f"{value:.5f}"
