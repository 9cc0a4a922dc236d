"""The loop: any task, any objective, one process or several; resumes to the same bits."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fitwright.core.progress import Progress, Task
from fitwright.modeling.dropout import cheap_dropout
from fitwright.training.batches import Rows, padding_of_epoch, steps_of_epoch
from fitwright.training.checkpoint import load_checkpoint, save_checkpoint
from fitwright.training.distributed.team import Team
from fitwright.training.history import History, Point
from fitwright.training.packing import choose_packing, packed_models
from fitwright.training.precision import choose_precision
from fitwright.training.settings import TrainSettings
from fitwright.training.spikes import SpikeWatch
from fitwright.training.step import DivergedError, Objective, Stepper
from fitwright.training.tasks.interface import Task as TrainingTask

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_ROLLBACKS = 3


class Curves(Protocol):
    """Where curves are written: TensorBoard event files."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add those values at that step."""


def device_type() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class Run:
    """One training run's state: model, optimiser, schedule, position, best weights."""

    def __init__(
        self,
        model: nn.Module,
        task: TrainingTask,
        training: Rows,
        validation: Rows,
        settings: TrainSettings,
        *,
        checkpoint: Path,
        progress: Progress,
        curves: Curves,
        objective: Objective | None = None,
        also: tuple[nn.Module, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.team = Team(settings.parallel)
        self.device = self.team.device
        self.model, self.task, self.settings = self.team.prepare(model), task, settings
        self.training, self.validation = training, validation
        self.checkpoint, self.progress, self.curves, self.clock = checkpoint, progress, curves, clock
        self.optimizer = _adamw(self.model, settings)
        self.stepper = Stepper(
            self.model, objective or task.loss, self.optimizer, training, settings, progress, self.team
        )
        self.packable = (self.model, *also)
        self.points: list[Point] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.epoch, self.step_in_epoch, self.rows = 0, 0, 0
        self.loss_sum, self.tokens, self.seconds = 0.0, 0, 0.0
        self.precision, self.packing = "", ""
        self.starts: list[int] = []
        self.rollbacks, self.rate_scale, self.spikes = 0, 1.0, SpikeWatch()

    def execute(self) -> History:
        """Train to the end, or continue a checkpoint; the model then holds the best epoch's weights."""
        resumed = self._resume()
        self._choose()
        if not resumed:
            self._save()  # what the first steps roll back to
        with contextlib.ExitStack() as stack:
            if self.device.type == "cpu":
                self.stepper.dropout = stack.enter_context(
                    cheap_dropout(self.model, self.team.seed(self.settings.seed))
                )
            if self.packing == "on":
                stack.enter_context(packed_models(self.packable))
            title = f"train ({self.precision}{', packed' if self.packing == 'on' else ''})"
            with self.progress.task(title, self.total_steps, "steps") as task:
                task.advance(self.starts[self.epoch] + self.step_in_epoch)
                while self.epoch < self.settings.epochs and not self._stalled():
                    self._run_epoch(task)
        self.model = self.team.finished(self.model, self.best)
        return History(
            points=tuple(self.points), best_epoch=self._best_point().epoch, precision=self.precision,
            seconds=sum(p.seconds for p in self.points), stopped_early=self.epoch < self.settings.epochs,
            metric=self.task.metric.name, packing=self.packing, micro_batches=self.stepper.parts,
            rollbacks=self.rollbacks, processes=self.team.world.size, parallel=self.team.mode,
        )  # fmt: skip

    def _choose(self) -> None:
        """Precision and packing, unless a checkpoint says them; then the steps follow."""
        settings = self.settings
        if not self.precision:
            self.precision = self.team.world.first(lambda: choose_precision(settings.precision, self.device))
        self.stepper.precision = self.precision
        if not self.packing:
            share = padding_of_epoch(
                self.training.lengths, settings.batch_size, seed=settings.seed,
                batch_tokens=settings.batch_tokens,
            )  # fmt: skip
            self.packing = choose_packing(
                settings.packing, self.packable, share, self.device.type,
                shortest=min(min(self.training.lengths), min(self.validation.lengths)),
            )  # fmt: skip
        counts = [len(self._batches(epoch)) for epoch in range(settings.epochs)]
        self.starts = [0, *itertools.accumulate(counts)]

    @property
    def total_steps(self) -> int:
        """Optimiser steps of all epochs."""
        return self.starts[-1]

    def _batches(self, epoch: int) -> list[list[int]]:
        settings = self.settings
        return steps_of_epoch(
            self.training.lengths, settings.batch_size, seed=settings.seed, epoch=epoch,
            packed=self.packing == "on", batch_tokens=settings.batch_tokens,
        )  # fmt: skip

    def _run_epoch(self, task: Task) -> None:
        batches = self._batches(self.epoch)
        self.model.train()
        last_saved = started = self.clock()
        while self.step_in_epoch < len(batches):
            rows = batches[self.step_in_epoch]
            try:
                loss = self._step(rows)
            except DivergedError as error:
                reached = self.step_in_epoch
                self._roll_back(error)
                task.advance(self.step_in_epoch - reached, note=self._note())
                started = self.clock()
                continue
            self.loss_sum += loss * len(rows)
            self.tokens += self.training.counts(rows).tokens
            self.rows += len(rows)
            self.step_in_epoch += 1
            now = self.clock()
            self.seconds += now - started
            started = now
            task.advance(1, note=self._note())
            due = now - last_saved >= self.settings.checkpoint_s
            if self.step_in_epoch < len(batches) and self.team.world.decides(due):
                self._save()
                last_saved = started = self.clock()
        self._finish_epoch()

    def _step(self, rows: list[int]) -> float:
        step = self.starts[self.epoch] + self.step_in_epoch
        loss = self.stepper.run(rows, step, self._learning_rate(step), epoch=self.epoch)
        usual = len(self.training) / (self.starts[self.epoch + 1] - self.starts[self.epoch])
        if self.spikes.is_spike(loss, len(rows) / usual):
            raise DivergedError(f"the loss jumped to {loss:.3g}, far above all of late,", step)
        return loss

    def _roll_back(self, error: DivergedError) -> None:
        """Go back to the last checkpoint, and on from there with half the learning rate; a few times."""
        rollbacks, scale = self.rollbacks + 1, self.rate_scale / 2
        if rollbacks > MOST_ROLLBACKS:
            raise error
        self.optimizer.zero_grad(set_to_none=True)
        self._restore()
        self.rollbacks, self.rate_scale = rollbacks, scale
        self._save()
        done = self.starts[self.epoch] + self.step_in_epoch
        self.progress.say(
            f"{error.what}: back to step {done}, and on with {scale:g} of the learning rate "
            f"({rollbacks} of at most {MOST_ROLLBACKS} times)"
        )

    def _learning_rate(self, step: int) -> float:
        """Linear warm-up, then linear decay to zero at the last step."""
        warm = max(1.0, self.settings.warmup * self.total_steps)
        up = (step + 1) / warm
        down = (self.total_steps - step) / max(1.0, self.total_steps - warm)
        return self.rate_scale * self.settings.learning_rate * max(0.0, min(1.0, up, down))

    def _finish_epoch(self) -> None:
        metrics = self.team.evaluated(lambda: self.task.evaluate(self.model, self.validation, self.device))
        step = self.starts[self.epoch + 1]
        point = Point(
            step=step, epoch=self.epoch, train_loss=self.loss_sum / len(self.training),
            validation_loss=metrics["loss"], score=metrics[self.task.metric.name], metrics=metrics,
            learning_rate=self._learning_rate(step - 1),
            tokens_per_s=self.tokens / self.seconds if self.seconds else 0.0, seconds=self.seconds,
        )  # fmt: skip
        self.points.append(point)
        values = {k: v for k, v in asdict(point).items() if k not in ("step", "epoch", "metrics")}
        self.curves.scalars(step, {**values, **{f"validation/{k}": v for k, v in metrics.items()}})
        if self._best_point() is point:
            found = self.team.gathered(self.model.state_dict().items())
            self.best = {k: v.cpu().clone() for k, v in found.items()} or None
        self.epoch += 1
        self.step_in_epoch, self.rows, self.loss_sum, self.tokens, self.seconds = 0, 0, 0.0, 0, 0.0
        self._save()

    def _best_point(self) -> Point:
        sign = 1 if self.task.metric.higher_is_better else -1
        return max(self.points, key=lambda p: (sign * p.score, -p.validation_loss))

    def _stalled(self) -> bool:
        return bool(self.points) and self.epoch - 1 - self._best_point().epoch >= self.settings.patience

    def _note(self) -> str:
        metric = self.task.metric
        score = f" · validation {metric.text(self.points[-1].score)}" if self.points else ""
        speed = self.tokens / self.seconds if self.seconds else 0.0
        mean = self.loss_sum / max(1, self.rows)
        return f"epoch {self.epoch + 1} · loss {mean:.3f} · {speed:,.0f} tokens/s{score}"

    def _save(self) -> None:
        counters: dict[str, Any] = {
            "epoch": self.epoch, "step_in_epoch": self.step_in_epoch, "loss_sum": self.loss_sum,
            "rows": self.rows, "tokens": self.tokens, "seconds": self.seconds, "precision": self.precision,
            "packing": self.packing, "micro_batches": self.stepper.parts,
            "rollbacks": self.rollbacks, "rate_scale": self.rate_scale, "losses": self.spikes.state,
            "points": [asdict(p) for p in self.points],
        }  # fmt: skip
        save_checkpoint(self.checkpoint, self.model, self.optimizer, counters, self.best, self.team)

    def _resume(self) -> bool:
        found = self._restore()
        if found:
            self.progress.say(f"resuming at epoch {self.epoch + 1}, step {self.step_in_epoch}")
        return found

    def _restore(self) -> bool:
        """Make everything what the checkpoint says; whether there is one."""
        found = load_checkpoint(self.checkpoint, self.model, self.optimizer, self.team)
        if found is None:
            return False
        counters, self.best = found
        self.points = [Point(**p) for p in counters.pop("points")]
        self.stepper.parts = counters.pop("micro_batches")
        self.spikes = SpikeWatch(counters.pop("losses"))
        for name, value in counters.items():
            setattr(self, name, value)
        return True


def _adamw(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) with decay on matrices only."""
    import torch

    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    return optimizer
