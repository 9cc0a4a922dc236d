"""What happened in a run, epoch by epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Point:
    """The end of one epoch.

    Attributes:
        train_loss: mean over the epoch's rows, of the stage's own objective.
        validation_loss: cross-entropy in nats.
        validation_accuracy: share of rows right.
        tokens_per_s: real (not padding) training tokens per second of training time.
    """

    step: int
    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    tokens_per_s: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class History:
    """A finished run: its points, which one was kept, and how it was run.

    Attributes:
        packing: ``on`` where no padding was computed, else ``off``.
        rollbacks: times that loss or gradient left the rails and the run went back to a checkpoint.
        micro_batches: parts that a step was computed in at the end of the run.
    """

    points: tuple[Point, ...]
    best_epoch: int
    precision: str
    seconds: float
    stopped_early: bool
    packing: str = "off"
    micro_batches: int = 1
    rollbacks: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
