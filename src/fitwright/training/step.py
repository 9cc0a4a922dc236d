"""One optimiser step in as many micro-batches as memory asks for; its gradient does not depend on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from fitwright.core.errors import RunError
from fitwright.core.progress import Progress
from fitwright.modeling.dropout import CheapDropout
from fitwright.training.batches import Batch, Rows
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fitwright.training.distributed.team import Team

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What torch's allocators say: the CPU's on Linux and Windows, CUDA's."""


class DivergedError(RunError):
    """Training left the rails: what happened, and at which step."""

    def __init__(self, what: str, step: int) -> None:
        self.step = step
        super().__init__(
            f"{what} at step {step}",
            mend="Lower --learning-rate, or use --precision fp32; the last checkpoint is kept.",
        )


class Objective(Protocol):
    """What a step minimises."""

    def __call__(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The batch's share of its step's loss, a scalar that gradients flow from.

        The sum over rows or tokens, divided by what ``batch.step`` counts: so shares add up to the step's
        mean however the step is cut.
        """


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator gave up, on whatever device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


class Stepper:
    """Runs steps. Where memory does not suffice it halves the micro-batch and does the same step again.

    Attributes:
        parts: micro-batches of a step; doubled when one did not fit, and kept so.
        precision: ``fp32`` or ``bf16``.
        dropout: the source of random bits where there is one.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        optimizer: torch.optim.Optimizer,
        rows: Rows,
        settings: TrainSettings,
        progress: Progress,
        team: Team,
    ) -> None:
        self.model, self.objective, self.optimizer, self.rows = model, objective, optimizer, rows
        self.settings, self.progress, self.team, self.device = settings, progress, team, team.device
        self.lengths = rows.lengths
        self.parts, self.precision = settings.micro_batches, "fp32"
        self.dropout: CheapDropout | None = None

    def run(self, rows: Sequence[int], step: int, learning_rate: float, *, epoch: int = 0) -> float:
        """Do one step on those rows; returns its loss.

        Raises:
            DivergedError: loss or gradient is no number; then the weights have not moved.
            RunError: a single row is too much for memory.
        """
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        state = torch.get_rng_state()
        while True:
            try:
                loss = self.team.attempt(lambda: self._gradients(rows, step, epoch))
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.optimizer.zero_grad(set_to_none=True)
                self._halve(rows, error)
            torch.set_rng_state(state)
        if not math.isfinite(loss):
            raise DivergedError(f"the loss became {loss}", step)
        self.team.sum_gradients(self.model)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        norm = self.team.whole(norm)
        if not math.isfinite(float(norm)):
            raise DivergedError(f"the gradient's norm became {float(norm)}", step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _gradients(self, rows: Sequence[int], step: int, epoch: int) -> float:
        """Leave the gradient of this process's share of the step in the parameters; the share's loss."""
        import torch

        if self.dropout is not None:
            self.dropout.start_step(step)
        whole, total = self.rows.counts(rows), 0.0
        for part, counts in self.team.micro_batches(rows, self.lengths, self.parts):
            batch = self.rows.batch(part, self.device, step=whole, epoch=epoch)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                loss = self.objective(self.model, batch)
            if not counts:
                loss = 0.0 * loss
            total += float(loss.detach())
            loss.backward()
        return total

    def _halve(self, rows: Sequence[int], error: BaseException) -> None:
        most = self.team.largest_share(rows, self.lengths)
        if self.parts >= most:
            raise RunError(
                "memory does not suffice for a single row of this model",
                mend="Lower --max-length, use a smaller model, or close other programs.",
            ) from error
        self.parts = min(2 * self.parts, most)
        self.progress.say(
            f"out of memory: steps of {len(rows)} rows go on in {self.parts} parts; batch and order stay"
        )


def cut(rows: Sequence[int], parts: int) -> list[list[int]]:
    """The rows in order, in at most that many parts whose sizes differ by one at most; none is empty."""
    parts = max(1, min(parts, len(rows)))
    size, more = divmod(len(rows), parts)
    ends = [0]
    for place in range(parts):
        ends.append(ends[-1] + size + (place < more))
    return [list(rows[start:end]) for start, end in itertools.pairwise(ends)]
