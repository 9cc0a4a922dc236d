"""What happened in a run, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Point:
    """The end of one epoch.

    Attributes:
        train_loss: mean over the epoch's rows, of the stage's own objective.
        validation_loss: the task's own loss over the validation rows, in nats where it is a likelihood.
        score: the metric that chooses the epoch (:attr:`History.metric`).
        metrics: whatever else the task measures.
        tokens_per_s: real (not padding) training tokens per second of training time.
    """

    step: int
    epoch: int
    train_loss: float
    validation_loss: float
    score: float
    learning_rate: float
    tokens_per_s: float
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class History:
    """A finished run: its points, which one was kept, and how it was run.

    Attributes:
        metric: name of the points' score, such as ``accuracy``.
        packing: ``on`` where no padding was computed, else ``off``.
        rollbacks: times that loss or gradient left the rails and the run went back to a checkpoint.
        micro_batches: parts that a step was computed in at the end of the run, in each process.
        processes: that trained together.
        parallel: how they shared the model: ``none`` (one process), ``ddp`` or ``fsdp``.
    """

    points: tuple[Point, ...]
    best_epoch: int
    precision: str
    seconds: float
    stopped_early: bool
    metric: str = "accuracy"
    packing: str = "off"
    micro_batches: int = 1
    rollbacks: int = 0
    processes: int = 1
    parallel: str = "none"

    @property
    def best(self) -> Point:
        """The point whose weights were kept."""
        return self.points[self.best_epoch]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
