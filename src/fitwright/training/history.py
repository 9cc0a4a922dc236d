"""What happened in a run, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fitwright.training.tasks.interface import Metric


@dataclass(frozen=True, kw_only=True)
class Point:
    """The end of one epoch.

    Attributes:
        train_loss: mean over the epoch's rows, of the stage's own objective.
        validation_loss: the task's own loss over the validation rows, in nats where it is a likelihood.
        score: the metric that chooses the epoch (:attr:`History.metric`).
        metrics: whatever else the task measures.
        tokens_per_s: real (not padding) training tokens per second of training time.
        padding: share of what was computed that was padding.
        data_share: share of the training time that the model waited for data.
        share_of_peak: model FLOP/s (:func:`meter.flops_of_token`) over that of a large matrix product.
        memory_bytes: the most that the process had held until then, of the card or of main memory.
        temperature_c: of the hottest sensor, where the machine tells.
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
    padding: float = 0.0
    data_share: float = 0.0
    share_of_peak: float = 0.0
    memory_bytes: int = 0
    temperature_c: float | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """A finished run: its points, which one was kept, and how it was run.

    Attributes:
        metric: name of the points' score, such as ``accuracy``.
        metric_share: whether that is a share of 1. metric_rises: whether more of it is better.
        packing: ``on`` where no padding was computed, else ``off``.
        attention_backend: what computed attention where packing was on; ``auto`` where it was off.
        rollbacks: times that loss or gradient left the rails and the run went back to a checkpoint.
        overflows: steps that fp16 skipped because a gradient overflowed.
        peak_flops: FLOP/s of a large matrix product on this machine, in the run's precision.
        micro_batches: parts that a step was computed in at the end of the run, in each process.
        processes: that trained together, at the end.
        resumed: steps that were done already each time that the run went on after an interruption.
        parallel: how they shared the model: ``none`` (one process), ``ddp`` or ``fsdp``.
        method: what trained: ``full``, ``lora`` or ``head``.
        trained_parameters: how many that were; for ``lora`` those of the additions and the head.
        total_parameters: of the model that came out.
        continued: quality of old and new task before and after, where old data was given.
    """

    points: tuple[Point, ...]
    best_epoch: int
    precision: str
    seconds: float
    stopped_early: bool
    metric: str = "accuracy"
    metric_share: bool = True
    metric_rises: bool = True
    packing: str = "off"
    attention_backend: str = "auto"
    micro_batches: int = 1
    rollbacks: int = 0
    overflows: int = 0
    peak_flops: float = 0.0
    processes: int = 1
    resumed: tuple[int, ...] = ()
    parallel: str = "none"
    method: str = "full"
    trained_parameters: int = 0
    total_parameters: int = 0
    continued: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Metric:
        """What chose the epoch, as people read it."""
        return Metric(name=self.metric, share=self.metric_share, higher_is_better=self.metric_rises)

    @property
    def best(self) -> Point:
        """The point whose weights were kept."""
        return self.points[self.best_epoch]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
