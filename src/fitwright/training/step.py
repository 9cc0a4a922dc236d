"""One optimiser step in as many micro-batches as memory asks for; its gradient does not depend on them."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fitwright.core.errors import RunError
from fitwright.core.progress import Progress
from fitwright.modeling.dropout import CheapDropout
from fitwright.modeling.packing.backends.interface import Machine
from fitwright.training.ahead import Ahead, is_slow
from fitwright.training.batches import Batch, Counts, Rows
from fitwright.training.coupled import (
    Coupled,
    coupled_gradients,
    random_state,
    restore_random_state,
)
from fitwright.training.precision import LossScaler, computing
from fitwright.training.settings import TrainSettings
from fitwright.training.start_penalty import StartPenalty
from fitwright.training.tasks.interface import Task

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fitwright.training.distributed.team import Team

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc")
"""What torch's allocators say: the CPU's on Linux and Windows, CUDA's."""

_NO_ROOM_FOR_A_KERNEL = "could not create a primitive"
"""All that oneDNN says when it gets no memory for the code of a matrix product that it compiles."""


class DivergedError(RunError):
    """Training left the rails: what happened, and at which step."""

    def __init__(self, what: str, step: int) -> None:
        self.step = step
        super().__init__(
            f"{what} at step {step}",
            mend="Lower --learning-rate, or use --precision fp32; the last checkpoint is kept.",
        )


class OutOfMemoryError(RunError):
    """A single row is too much for this machine."""


class Objective(Protocol):
    """What a step minimises."""

    def __call__(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The batch's share of its step's loss, a scalar that gradients flow from.

        The sum over rows or tokens, divided by what ``batch.step`` counts: so shares add up to the step's
        mean however the step is cut.
        """


def objective_of(task: Task) -> Objective | Coupled:
    """What training for that task minimises."""
    return task if isinstance(task, Coupled) else task.loss


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator gave up, on whatever device."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error)
    return text.strip() == _NO_ROOM_FOR_A_KERNEL or any(known in text for known in _OUT_OF_MEMORY)


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What came of a step.

    Attributes:
        loss: the step's mean.
        norm: of its gradient, before it was cut.
        counts: its rows, tokens and targets.
        places: tokens and padding of its batches.
        data_s: seconds that putting the batches together took.
        moved: whether the weights were updated; not so where a gradient overflowed in fp16.
    """

    loss: float
    norm: float
    counts: Counts
    places: int
    data_s: float
    moved: bool = True


class Stepper:
    """Runs steps. Where memory does not suffice it halves the micro-batch and does the same step again.

    Attributes:
        parts: micro-batches of a step; doubled when one did not fit, and kept so.
        precision: ``fp32``, ``tf32``, ``bf16`` or ``fp16``; set by :meth:`compute_in`.
        dropout: the source of random bits where there is one.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective | Coupled,
        optimizer: torch.optim.Optimizer,
        rows: Rows,
        settings: TrainSettings,
        progress: Progress,
        team: Team,
        clock: Callable[[], float],
    ) -> None:
        self.model, self.objective, self.optimizer, self.rows = model, objective, optimizer, rows
        self.settings, self.progress, self.clock = settings, progress, clock
        self.team, self.device, self.lengths = team, team.device, rows.lengths
        self.parts = settings.micro_batches
        self.dropout: CheapDropout | None = None
        self.penalty = StartPenalty(model, settings.l2_to_start)
        self.compute_in("fp32")

    def compute_in(self, precision: str) -> None:
        """Compute in that precision from now on."""
        self.precision, self.scaler = precision, LossScaler(precision, self.device)

    @contextlib.contextmanager
    def reading_ahead(self) -> Iterator[None]:
        """Inside the block a thread makes the next step's batches, where making them reads files."""
        if not is_slow(self.rows):
            yield
            return
        plain = self.rows
        try:
            with Ahead(plain, self.device) as self.rows:
                yield
        finally:
            self.rows = plain

    @property
    def machine(self) -> Machine:
        """What steps are computed on."""
        return Machine(device=self.device, precision=self.precision)

    def context(self) -> contextlib.AbstractContextManager[None]:
        """That of a forward pass."""
        return computing(self.precision, self.device)

    def run(
        self, rows: Sequence[int], step: int, learning_rate: float, *, epoch: int = 0,
        following: Sequence[int] = (),
    ) -> StepResult:  # fmt: skip
        """Do one step on those rows. ``following``: those of the step after it, as far as it is known.

        Raises:
            DivergedError: loss or gradient is no number; then the weights have not moved.
            OutOfMemoryError: a single row is too much for memory.
        """
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        state = torch.get_rng_state()
        while True:
            self._expect([rows, following], epoch)
            try:
                loss, places, data_s = self.team.attempt(lambda: self._gradients(rows, step, epoch))
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self.optimizer.zero_grad(set_to_none=True)
                self._halve(rows, error)
            torch.set_rng_state(state)
        check_loss(step, loss)
        self.team.sum_gradients(self.model)
        self.scaler.unscale(self.optimizer)
        self.penalty.add_gradient()
        norm = self.team.clip(self.model, self.settings.max_grad_norm)
        if not math.isfinite(norm) and (not self.scaler.enabled or self.scaler.scale <= 1):
            raise DivergedError(f"the gradient's norm became {norm}", step)
        moved = self.scaler.step(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        return StepResult(
            loss=loss, norm=norm, counts=self.rows.counts(rows), places=int(places),
            data_s=data_s / self.team.world.size, moved=moved,
        )  # fmt: skip

    def _expect(self, steps: Sequence[Sequence[int]], epoch: int) -> None:
        """Have the batches of this process made ahead, where that helps."""
        if isinstance(self.rows, Ahead):
            self.rows.expect(
                (tuple(part), self.rows.counts(rows), epoch)
                for rows in steps if rows
                for part, _ in self.team.micro_batches(rows, self.lengths, self.parts)
            )  # fmt: skip

    def rehearse(self, rows: Sequence[int]) -> None:
        """Compute that step's gradients and throw them away: weights and random states stay."""
        state = random_state(self.dropout)
        try:
            self._gradients(rows, 0, 0)
        finally:
            self.optimizer.zero_grad(set_to_none=True)
            restore_random_state(state, self.dropout)

    def _gradients(self, rows: Sequence[int], step: int, epoch: int) -> tuple[float, int, float]:
        """Leave the gradient of this process's share; its loss, places and seconds for data."""
        if self.dropout is not None:
            self.dropout.start_step(step)
        whole = self.rows.counts(rows)
        mine = self.team.micro_batches(rows, self.lengths, self.parts)
        parts = _Parts(
            [functools.partial(self.rows.batch, part, self.device, step=whole, epoch=epoch)
             for part, _ in mine], self.clock,
        )  # fmt: skip
        context = self.context
        if isinstance(self.objective, Coupled):
            total = coupled_gradients(
                self.objective, self.model, parts.makers, context, self.dropout,
                self._check(step), self.scaler.backward, self.team,
            )  # fmt: skip
            return total, parts.places, parts.data_s
        total = 0.0
        for make, (_, counts) in zip(parts.makers, mine, strict=True):
            batch = make()
            with context():
                loss = self.objective(self.model, batch)
            self._check(step)(float(loss.detach()))
            loss = loss if counts else 0.0 * loss
            self.scaler.backward(loss)
            total += float(loss.detach())
        return total, parts.places, parts.data_s

    def _check(self, step: int) -> Callable[[float], None]:
        """Raise before the backward pass where the loss is no number; several processes do so together."""
        return functools.partial(check_loss, step) if self.team.mode == "none" else lambda _: None

    def _halve(self, rows: Sequence[int], error: BaseException) -> None:
        most = self.team.largest_share(rows, self.lengths)
        if self.parts >= most:
            raise OutOfMemoryError(
                "memory does not suffice for a single row of this model",
                mend="Lower --max-length, use a smaller model, or close other programs.",
            ) from error
        self.parts = min(2 * self.parts, most)
        self.progress.say(
            f"out of memory: steps of {len(rows)} rows go on in {self.parts} parts; batch and order stay"
        )


class _Parts:
    """The batches of a step, made when asked for; how many places they had and how long making them took."""

    def __init__(self, parts: list[Callable[[], Batch]], clock: Callable[[], float]) -> None:
        self.makers = [functools.partial(self._make, number, part) for number, part in enumerate(parts)]
        self.data_s, self._places, self._clock = 0.0, [0] * len(parts), clock

    def _make(self, number: int, part: Callable[[], Batch]) -> Batch:
        started = self._clock()
        batch = part()
        self.data_s += self._clock() - started
        self._places[number] = batch.places
        return batch

    @property
    def places(self) -> int:
        """Tokens and padding of all parts that were made."""
        return sum(self._places)


def check_loss(step: int, value: float) -> None:
    """Raise where the loss of that step is no number."""
    if not math.isfinite(value):
        raise DivergedError(f"the loss became {value}", step)


def cut(rows: Sequence[int], parts: int) -> list[list[int]]:
    """The rows in order, in at most that many parts whose sizes differ by one at most; none is empty."""
    parts = max(1, min(parts, len(rows)))
    size, more = divmod(len(rows), parts)
    ends = [0]
    for place in range(parts):
        ends.append(ends[-1] + size + (place < more))
    return [list(rows[start:end]) for start, end in itertools.pairwise(ends)]
