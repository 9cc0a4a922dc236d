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
    """A finished run: its points, which one was kept, and how it was run."""

    points: tuple[Point, ...]
    best_epoch: int
    precision: str
    seconds: float
    stopped_early: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
