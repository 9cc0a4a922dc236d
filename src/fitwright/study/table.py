"""A row of ``runs.csv`` for each finished cell of a corpus, and the curve behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fitwright.scaling.design.plan import Cell, Plan
from fitwright.study.folder import StudyFolder
from fitwright.training.directory import read_history
from fitwright.training.history import History, Point

COLUMNS = (
    "cell", "role", "params", "non_embedding_params", "tokens", "unique_tokens", "epochs", "flops", "loss",
    "train_loss", "best_loss", "best_epoch", "accuracy", "recall", "heldout_recall", "heldout_losses",
    "train_losses", "width", "heads", "layers", "batch_blocks", "learning_rate", "seconds",
    "predicted_seconds",
)  # fmt: skip
"""``loss``: held out, at the end of the run, in nats a token; ``train_loss``: then, on tokens that were
trained on; ``accuracy``: share of held-out tokens that are the likeliest; ``heldout_losses``,
``train_losses``: after each epoch."""


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
            "accuracy": _figure(metrics.get("accuracy")),
            "recall": _figure(metrics.get("seen_recall")), "heldout_recall": _figure(metrics.get("recall")),
            "heldout_losses": " ".join(_figure(p.validation_loss) for p in points),
            "train_losses": " ".join(_figure(p.metrics["seen_loss"]) for p in points),
            "width": cell.shape.width, "heads": cell.shape.heads, "layers": cell.shape.layers,
            "batch_blocks": cell.batch_blocks, "learning_rate": cell.learning_rate,
            "seconds": f"{self.history.seconds:.1f}", "predicted_seconds": cell.seconds,
        }  # fmt: skip


def run_of(folder: StudyFolder, plan: Plan, cell: Cell) -> CellRun:  # noqa: ARG001
    """A finished cell."""
    return CellRun(cell=cell, history=read_history(folder.cell(cell)))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
