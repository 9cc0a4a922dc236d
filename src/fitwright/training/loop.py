"""The loop: any task, any objective, one process or several; resumes to the same bits."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Task
from fitwright.modeling.activations import one_pass_activations
from fitwright.modeling.dropout import cheap_dropout
from fitwright.training.attention_choice import choose_attention
from fitwright.training.batches import Rows
from fitwright.training.checkpoint import load_checkpoint, load_trained, save_checkpoint, trained_state
from fitwright.training.coupled import Coupled
from fitwright.training.curves import Curves, draw_epoch
from fitwright.training.distributed.team import Team
from fitwright.training.history import History, Point
from fitwright.training.meter import Meter, flops_of_token, matrix_peak, memory_bytes, temperature_c
from fitwright.training.method import training_mode
from fitwright.training.optimizer import adamw
from fitwright.training.packing import packed_models, packing_of_run
from fitwright.training.precision import choose_precision
from fitwright.training.replay import plan_epoch
from fitwright.training.schedule import batch_of_epoch, learning_rate, rate_for_batch
from fitwright.training.settings import TrainSettings
from fitwright.training.spikes import SpikeWatch
from fitwright.training.step import DivergedError, Objective, Stepper, StepResult, objective_of
from fitwright.training.tasks.interface import Metric
from fitwright.training.tasks.interface import Task as TrainingTask

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_ROLLBACKS = 3
CURVE_EVERY = 10
"""Steps between two points of the training curves."""


Watch = Callable[[Sequence[Point]], None]
"""Is told of all points after each epoch, and when a run is resumed; it may raise to end the run."""


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
        objective: Objective | Coupled | None = None,
        also: tuple[nn.Module, ...] = (),
        metric: Metric | None = None,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.team = Team(settings.parallel)
        self.device = self.team.device
        self.model, self.task, self.settings = self.team.prepare(model), task, settings
        self.training, self.validation = training, validation
        self.checkpoint, self.progress, self.curves, self.clock = checkpoint, progress, curves, clock
        self.optimizer = adamw(self.model, settings)
        self.stepper = Stepper(
            self.model, objective or objective_of(task), self.optimizer, training, settings, progress,
            self.team, clock,
        )  # fmt: skip
        self.packable, self.metric, self.watch = (self.model, *also), metric or task.metric, watch
        self.points: list[Point] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.epoch, self.step_in_epoch, self.meter = 0, 0, Meter()
        self.precision, self.packing, self.scaling = "", "", dict[str, Any]()
        self.attention_backend = ""
        self.starts: list[int] = []
        self.resumed: list[int] = []
        self.rollbacks, self.overflows, self.rate_scale, self.spikes = 0, 0, 1.0, SpikeWatch()
        self.flops_token, self.peak = flops_of_token(self.model), 0.0

    def execute(self) -> History:
        """Train to the end, or continue a checkpoint; the model then holds the best epoch's weights."""
        resumed = self._resume()
        self._choose()
        if resumed:
            self.resumed.append(self.starts[self.epoch] + self.step_in_epoch)
        else:
            self._save()  # what the first steps roll back to
        self._tell()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.stepper.reading_ahead())
            if self.device.type == "cpu":
                self.stepper.dropout = stack.enter_context(
                    cheap_dropout(self.model, self.team.seed(self.settings.seed))
                )
            stack.enter_context(one_pass_activations(self.packable))
            if self.packing == "on":
                stack.enter_context(
                    packed_models(self.packable, self.attention_backend, self.stepper.context)
                )
            title = f"train ({self.precision}{', packed' if self.packing == 'on' else ''})"
            with self.progress.task(title, self.total_steps, "steps") as task:
                task.advance(self.starts[self.epoch] + self.step_in_epoch)
                while self.epoch < self.settings.epochs and not self._stalled():
                    self._run_epoch(task)
        self.model = self.team.finished(self.model)
        if self.best is not None:
            load_trained(self.model, self.best)
        return History(
            points=tuple(self.points), best_epoch=self._best_point().epoch, precision=self.precision,
            seconds=sum(p.seconds for p in self.points), stopped_early=self.epoch < self.settings.epochs,
            metric=self.metric.name, metric_share=self.metric.share,
            metric_rises=self.metric.higher_is_better, packing=self.packing,
            attention_backend=self.attention_backend or "auto", micro_batches=self.stepper.parts,
            rollbacks=self.rollbacks, overflows=self.overflows, peak_flops=self.peak,
            processes=self.team.world.size, parallel=self.team.mode, resumed=tuple(self.resumed),
        )  # fmt: skip

    def _choose(self) -> None:
        """Precision and packing, unless a checkpoint says them; then the steps follow."""
        settings = self.settings
        if not self.precision:
            self.precision = self.team.world.first(lambda: choose_precision(settings.precision, self.device))
        self.team.check(self.precision, coupled=isinstance(self.stepper.objective, Coupled))
        self.stepper.compute_in(self.precision)
        self.stepper.scaler.load(self.scaling)
        self.peak = self.team.world.total(matrix_peak(self.precision, self.device))
        if not self.packing:
            self.packing = packing_of_run(
                settings, self.packable, self.training, self.validation, self.device.type
            )
        counts = [len(self._batches(epoch)) for epoch in range(settings.epochs)]
        self.starts = [0, *itertools.accumulate(counts)]
        if not self.attention_backend and self.packing == "on":
            training_mode(self.model, settings.method)
            first, alone = self._batches(0)[0], self.team.mode == "none"
            self.attention_backend = choose_attention(
                settings.attention_backend, self.packable, self.stepper.machine,
                (lambda: self.stepper.rehearse(first)) if alone else None, self.progress,
            )  # fmt: skip

    @property
    def total_steps(self) -> int:
        """Optimiser steps of all epochs."""
        return self.starts[-1]

    def _batches(self, epoch: int) -> list[list[int]]:
        settings, tokens = self.settings, self.settings.batch_tokens
        return plan_epoch(
            self.training, batch_of_epoch(epoch, settings.batch_size, settings), seed=settings.seed,
            epoch=epoch, packed=self.packing == "on",
            batch_tokens=tokens and batch_of_epoch(epoch, tokens, settings),
        )  # fmt: skip

    def _run_epoch(self, task: Task) -> None:
        batches = self._batches(self.epoch)
        training_mode(self.model, self.settings.method)
        last_saved = started = self.clock()
        while self.step_in_epoch < len(batches):
            rows = batches[self.step_in_epoch]
            try:
                result = self._step(rows, batches[self.step_in_epoch + 1 : self.step_in_epoch + 2])
            except DivergedError as error:
                reached = self.step_in_epoch
                self._roll_back(error)
                task.advance(self.step_in_epoch - reached, note=self._note())
                started = self.clock()
                continue
            self.step_in_epoch += 1
            now = self.clock()
            self._add(result, now - started)
            started = now
            task.advance(1, note=self._note())
            due = now - last_saved >= self.settings.checkpoint_s
            if self.step_in_epoch < len(batches) and self.team.world.decides(due):
                self._save()
                last_saved = started = self.clock()
        self._finish_epoch()

    def _step(self, rows: list[int], after: list[list[int]]) -> StepResult:
        step = self.starts[self.epoch] + self.step_in_epoch
        result = self.stepper.run(
            rows, step, self._learning_rate(step), epoch=self.epoch, following=after[0] if after else ()
        )
        usual = len(self.training) / (self.starts[self.epoch + 1] - self.starts[self.epoch])
        if self.spikes.is_spike(result.loss, len(rows) / usual):
            raise DivergedError(f"the loss jumped to {result.loss:.3g}, far above all of late,", step)
        return result

    def _add(self, result: StepResult, seconds: float) -> None:
        """Count a step that is done, and draw its curves."""
        self.overflows += not result.moved
        places = result.counts.tokens if self.packing == "on" else result.places
        self.meter.add(
            result.counts, loss=result.loss, places=places, seconds=seconds,
            data_s=result.data_s,
        )  # fmt: skip
        step = self.starts[self.epoch] + self.step_in_epoch
        if step % CURVE_EVERY == 0:
            self.curves.scalars(step, {
                "train/loss": result.loss, "train/gradient_norm": result.norm,
                "train/learning_rate": self._learning_rate(step - 1),
                "train/tokens_per_s": result.counts.tokens / seconds if seconds else 0.0,
            })  # fmt: skip

    def _roll_back(self, error: DivergedError) -> None:
        """Go back to the last checkpoint, and on from there with half the learning rate; a few times."""
        rollbacks, scale, resumed = self.rollbacks + 1, self.rate_scale / 2, self.resumed
        if rollbacks > MOST_ROLLBACKS:
            raise error
        self.optimizer.zero_grad(set_to_none=True)
        self._restore()
        self.stepper.compute_in(self.precision)  # a new scaler: the old one may be between unscale and step
        self.stepper.scaler.load(self.scaling)
        self.rollbacks, self.rate_scale, self.resumed = rollbacks, scale, resumed
        self._save()
        done = self.starts[self.epoch] + self.step_in_epoch
        self.progress.say(
            f"{error.what}: back to step {done}, and on with {scale:g} of the learning rate "
            f"({rollbacks} of at most {MOST_ROLLBACKS} times)"
        )

    def _learning_rate(self, step: int) -> float:
        """What the schedule says, for the batch of that epoch, lowered after roll-backs."""
        settings = self.settings
        batch = batch_of_epoch(self.epoch, settings.batch_tokens or settings.batch_size, settings)
        rate = learning_rate(step, self.total_steps, settings) * rate_for_batch(batch, settings)
        return self.rate_scale * rate

    def _finish_epoch(self) -> None:
        metrics = self.team.evaluated(lambda: self.task.evaluate(self.model, self.validation, self.device))
        named = self.model.named_parameters()
        matrices = self.team.gathered((name, p) for name, p in named if p.requires_grad and p.ndim > 1)
        meter = self.meter
        step = self.starts[self.epoch + 1]
        point = Point(
            step=step, epoch=self.epoch, train_loss=meter.mean_loss,
            validation_loss=metrics["loss"], score=metrics[self.metric.name], metrics=metrics,
            learning_rate=self._learning_rate(step - 1),
            tokens_per_s=meter.tokens_per_s, seconds=meter.seconds, padding=meter.padding,
            data_share=meter.data_share, share_of_peak=self._share_of_peak(),
            memory_bytes=memory_bytes(self.device), temperature_c=temperature_c(),
        )  # fmt: skip
        self.points.append(point)
        draw_epoch(self.curves, point, matrices)
        if (diagnosis := meter.diagnosis()) is not None:
            self.progress.say(diagnosis)
        if self._best_point() is point:
            found = self.team.gathered(trained_state(self.model).items())
            self.best = {k: v.cpu().clone() for k, v in found.items()} or None
        self.epoch += 1
        self.step_in_epoch, self.meter = 0, Meter()
        self._save()
        self._tell()

    def _tell(self) -> None:
        if self.watch is not None and self.points:
            self.watch(self.points)

    def _share_of_peak(self) -> float:
        """Of the matrix products' speed that was measured at the start."""
        return self.meter.tokens_per_s * self.flops_token / self.peak if self.peak else 0.0

    def _best_point(self) -> Point:
        sign = 1 if self.metric.higher_is_better else -1
        return max(self.points, key=lambda p: (sign * p.score, -p.validation_loss))

    def _stalled(self) -> bool:
        return bool(self.points) and self.epoch - 1 - self._best_point().epoch >= self.settings.patience

    def _note(self) -> str:
        metric = self.metric
        score = f" · validation {metric.text(self.points[-1].score)}" if self.points else ""
        meter = self.meter
        share = f", {self._share_of_peak():.0%} of peak" if self.flops_token else ""
        speed = f"{meter.tokens_per_s:,.0f} tokens/s{share}"
        return f"epoch {self.epoch + 1} · loss {meter.mean_loss:.3f} · {speed}{score}"

    def _save(self) -> None:
        counters: dict[str, Any] = {
            "epoch": self.epoch, "step_in_epoch": self.step_in_epoch, "meter": asdict(self.meter),
            "precision": self.precision, "packing": self.packing,
            "attention_backend": self.attention_backend, "micro_batches": self.stepper.parts,
            "scaling": self.stepper.scaler.state, "overflows": self.overflows,
            "rollbacks": self.rollbacks, "rate_scale": self.rate_scale, "losses": self.spikes.state,
            "resumed": self.resumed,
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
        self.spikes, self.meter = SpikeWatch(counters.pop("losses")), Meter(**counters.pop("meter"))
        for name, value in counters.items():
            setattr(self, name, value)
        return True
