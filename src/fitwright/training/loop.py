"""The loop: any objective, any classifier, one process; resumes to the same bits.

Legend of shape suffixes: B rows of a batch, T padded tokens, C classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fitwright.core.errors import RunError
from fitwright.core.progress import Progress, Task
from fitwright.training.batches import Batch, EncodedRows
from fitwright.training.checkpoint import load_checkpoint, save_checkpoint
from fitwright.training.history import History, Point
from fitwright.training.precision import choose_precision
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64


class Objective(Protocol):
    """What a step minimises."""

    def __call__(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean loss over the batch's rows, a scalar that gradients flow from."""


class Curves(Protocol):
    """Where curves are written: TensorBoard event files."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add those values at that step."""


def cross_entropy(model: nn.Module, batch: Batch) -> torch.Tensor:
    """The plain objective of classification: mean cross-entropy of the labels, in nats."""
    logits_BC = model(input_ids=batch.ids_BT, attention_mask=batch.mask_BT).logits.float()
    from torch.nn.functional import cross_entropy as loss_of

    return loss_of(logits_BC, batch.labels_B)


def device_type() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class Run:
    """One training run's state: model, optimiser, schedule, position, best weights."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        training: EncodedRows,
        validation: EncodedRows,
        settings: TrainSettings,
        *,
        checkpoint: Path,
        progress: Progress,
        curves: Curves,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import torch

        self.device = torch.device(device_type())
        self.model, self.objective, self.settings = model.to(self.device), objective, settings
        self.training, self.validation = training, validation
        self.checkpoint, self.progress, self.curves, self.clock = checkpoint, progress, curves, clock
        self.optimizer = _adamw(self.model, settings)
        self.steps_per_epoch = -(-len(training) // settings.batch_size)
        self.total_steps = self.steps_per_epoch * settings.epochs
        self.points: list[Point] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.epoch, self.step_in_epoch, self.loss_sum, self.tokens, self.seconds = 0, 0, 0.0, 0, 0.0
        self.precision = ""

    def execute(self) -> History:
        """Train to the end, or continue a checkpoint; the model then holds the best epoch's weights."""
        self._resume()
        if not self.precision:
            self.precision = choose_precision(self.settings.precision, self.device)
        done = self.epoch * self.steps_per_epoch + self.step_in_epoch
        title = f"train ({self.precision})"
        with self.progress.task(title, self.total_steps, "steps") as task:
            task.advance(done)
            while self.epoch < self.settings.epochs and not self._stalled():
                self._run_epoch(task)
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.model.eval()
        return History(
            points=tuple(self.points), best_epoch=self._best_point().epoch, precision=self.precision,
            seconds=sum(p.seconds for p in self.points), stopped_early=self.epoch < self.settings.epochs,
        )  # fmt: skip

    def _run_epoch(self, task: Task) -> None:
        batches = self.training.epoch(self.settings.batch_size, seed=self.settings.seed, epoch=self.epoch)
        self.model.train()
        last_saved = started = self.clock()
        while self.step_in_epoch < len(batches):
            rows = batches[self.step_in_epoch]
            loss = self._step(self.training.batch(rows, self.device))
            self.loss_sum += loss * len(rows)
            self.step_in_epoch += 1
            now = self.clock()
            self.seconds += now - started
            started = now
            task.advance(1, note=self._note())
            if now - last_saved >= self.settings.checkpoint_s and self.step_in_epoch < len(batches):
                self._save()
                last_saved = started = self.clock()
        self._finish_epoch()

    def _step(self, batch: Batch) -> float:
        import torch

        step = self.epoch * self.steps_per_epoch + self.step_in_epoch
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(step)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.objective(self.model, batch)
        value = float(loss.detach())
        if value != value or value in (float("inf"), float("-inf")):
            raise RunError(
                f"the loss became {value} at step {step}",
                mend="Lower --learning-rate, or use --precision fp32; the last checkpoint is kept.",
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.tokens += batch.tokens
        return value

    def _learning_rate(self, step: int) -> float:
        """Linear warm-up, then linear decay to zero at the last step."""
        warm = max(1.0, self.settings.warmup * self.total_steps)
        up = (step + 1) / warm
        down = (self.total_steps - step) / max(1.0, self.total_steps - warm)
        return self.settings.learning_rate * max(0.0, min(1.0, up, down))

    def _finish_epoch(self) -> None:
        loss, accuracy = evaluate(self.model, self.validation, self.device)
        step = (self.epoch + 1) * self.steps_per_epoch
        point = Point(
            step=step, epoch=self.epoch, train_loss=self.loss_sum / len(self.training),
            validation_loss=loss, validation_accuracy=accuracy, learning_rate=self._learning_rate(step - 1),
            tokens_per_s=self.tokens / self.seconds if self.seconds else 0.0, seconds=self.seconds,
        )  # fmt: skip
        self.points.append(point)
        values = {k: v for k, v in asdict(point).items() if k not in ("step", "epoch")}
        self.curves.scalars(step, values)
        if self._best_point() is point:
            self.best = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        self.epoch += 1
        self.step_in_epoch, self.loss_sum, self.tokens, self.seconds = 0, 0.0, 0, 0.0
        self._save()

    def _best_point(self) -> Point:
        return max(self.points, key=lambda p: (p.validation_accuracy, -p.validation_loss))

    def _stalled(self) -> bool:
        return bool(self.points) and self.epoch - 1 - self._best_point().epoch >= self.settings.patience

    def _note(self) -> str:
        accuracy = f" · validation {self.points[-1].validation_accuracy:.1%}" if self.points else ""
        seen = max(1, self.step_in_epoch) * self.settings.batch_size
        speed = self.tokens / self.seconds if self.seconds else 0.0
        mean = self.loss_sum / min(seen, len(self.training))
        return f"epoch {self.epoch + 1} · loss {mean:.3f} · {speed:,.0f} tokens/s{accuracy}"

    def _save(self) -> None:
        counters: dict[str, Any] = {
            "epoch": self.epoch, "step_in_epoch": self.step_in_epoch, "loss_sum": self.loss_sum,
            "tokens": self.tokens, "seconds": self.seconds, "precision": self.precision,
            "points": [asdict(p) for p in self.points],
        }  # fmt: skip
        save_checkpoint(self.checkpoint, self.model, self.optimizer, counters, self.best)

    def _resume(self) -> None:
        found = load_checkpoint(self.checkpoint, self.model, self.optimizer)
        if found is None:
            return
        counters, self.best = found
        self.points = [Point(**p) for p in counters.pop("points")]
        for name, value in counters.items():
            setattr(self, name, value)
        self.progress.say(f"resuming at epoch {self.epoch + 1}, step {self.step_in_epoch}")


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


def evaluate(model: nn.Module, rows: EncodedRows, device: torch.device) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy over those rows, in fp32; leaves the model in ``eval``."""
    import torch

    model.eval()
    loss_sum, right = 0.0, 0
    with torch.inference_mode():
        for batch in rows.sorted_batches(EVALUATION_BATCH, device):
            logits_BC = model(input_ids=batch.ids_BT, attention_mask=batch.mask_BT).logits.float()
            loss_sum += float(torch.nn.functional.cross_entropy(logits_BC, batch.labels_B, reduction="sum"))
            right += int((logits_BC.argmax(-1) == batch.labels_B).sum())
    return loss_sum / len(rows), right / len(rows)
