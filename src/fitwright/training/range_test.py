"""Learning-rate range test: a short run whose rate rises from step to step, and the rate that it suggests."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitwright.core.progress import Progress
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import position_limit
from fitwright.training.attention_choice import choose_attention
from fitwright.training.batches import Rows, steps_of_epoch
from fitwright.training.distributed.team import Team
from fitwright.training.distributed.world import World
from fitwright.training.job import Job, set_attention_window, set_dropout
from fitwright.training.method import apply_method, training_mode
from fitwright.training.optimizer import adamw
from fitwright.training.packing import choose_packing, packed_models
from fitwright.training.precision import choose_precision
from fitwright.training.settings import TrainSettings
from fitwright.training.step import DivergedError, Stepper, objective_of

LOWEST, HIGHEST, STEPS = 1e-7, 1.0, 100
_SMOOTHING, _BLOWN_UP = 0.9, 4.0
_BELOW_THE_LOWEST_LOSS = 10.0


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """What came of it.

    Attributes:
        rates, losses: of the steps that were done; losses are smoothed.
        suggested: a tenth of the rate at the lowest loss.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def range_test(
    job: Job, settings: TrainSettings, progress: Progress, clock: Callable[[], float] = time.monotonic
) -> RangeTest:
    """Train up to 100 steps while the rate rises from 1e-7 to 1, until the loss is 4 times its lowest.

    Nothing is kept of the training. Source: Smith 2017 (arXiv 1506.01186); a tenth of the rate at the lowest
    loss is the rule of fastai. Known error: a rule of thumb, right to a factor of three or so; losses are
    those of single steps, smoothed over about ten.

    Raises:
        DivergedError: the very first step's loss or gradient is no number.
    """
    import torch

    torch.manual_seed(settings.seed)
    team = Team(world=World())
    device = team.device
    model = job.task.load_model(job.source, job.data)
    set_dropout(model, settings.dropout)
    apply_method(model, settings)
    max_length = position_limit(model, settings.max_length)
    choose_training_attention(model, device.type, max_length)
    set_attention_window(model, settings)
    with tempfile.TemporaryDirectory() as scratch:
        rows = job.task.encode(job.data.train, job.source, Path(scratch), max_length)
    training_mode(model.to(device), settings.method)
    stepper = Stepper(
        model, objective_of(job.task), adamw(model, settings), rows, settings, progress, team, clock
    )
    stepper.compute_in(choose_precision(settings.precision, device))
    packing = choose_packing(
        settings.packing, [model], 1.0, device.type, shortest=min(rows.lengths),
        backend=settings.attention_backend,
    )  # fmt: skip
    rates: list[float] = []
    losses: list[float] = []
    average = 0.0
    with contextlib.ExitStack() as stack, progress.task("range test", STEPS, "steps") as task:
        if packing == "on":
            backend = choose_attention(settings.attention_backend, [model], stepper.machine, None, progress)
            stack.enter_context(packed_models([model], backend, stepper.context))
        for step, chosen in enumerate(itertools.islice(_endless(rows, settings, packing), STEPS)):
            rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
            try:
                average = _SMOOTHING * average + (1 - _SMOOTHING) * stepper.run(chosen, step, rate).loss
            except DivergedError:
                if not losses:
                    raise
                break
            rates.append(rate)
            losses.append(average / (1 - _SMOOTHING ** (step + 1)))
            task.advance(1, note=f"rate {rate:.1e} · loss {losses[-1]:.3f}")
            if losses[-1] > _BLOWN_UP * min(losses):
                break
    lowest = min(range(len(losses)), key=losses.__getitem__)
    return RangeTest(
        rates=tuple(rates), losses=tuple(losses), suggested=rates[lowest] / _BELOW_THE_LOWEST_LOSS
    )


def _endless(rows: Rows, settings: TrainSettings, packing: str) -> Iterator[list[int]]:
    for epoch in itertools.count():
        yield from steps_of_epoch(
            rows.lengths, settings.batch_size, seed=settings.seed, epoch=epoch, packed=packing == "on",
            batch_tokens=settings.batch_tokens,
        )  # fmt: skip
