"""Which backend computes attention of packed rows: as asked, or the fastest of those that work here."""

from __future__ import annotations

import contextlib
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress
from fitwright.modeling.packing.backends.interface import Machine
from fitwright.modeling.packing.backends.registry import BACKENDS, backend_of, refusals
from fitwright.training.packing import packed_models
from fitwright.training.precision import computing
from fitwright.training.step import is_out_of_memory

if TYPE_CHECKING:
    from torch import nn

WARM_UPS, TIMED = 2, 3
"""Steps of the probe for each backend; the first ones compile and reserve memory."""


def choose_attention(
    asked: str,
    models: Sequence[nn.Module],
    machine: Machine,
    rehearse: Callable[[], object] | None,
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> str:
    """The name of a backend that packs all those models on this machine.

    ``auto`` times a step of each that does and repeats its gradients, where there are several; the run keeps
    the answer in its checkpoint and its history, so that what continues or repeats it does not ask again.

    Args:
        asked: ``auto`` or a backend.
        models: all that are run on the batches.
        machine: of the run.
        rehearse: computes a step's gradients and throws them away; ``None``: nothing is timed, and the first
            that works is taken, in the order of the registry.
        progress: is told what was measured.
        clock: seconds.

    Raises:
        UsageError: the backend that was asked for does not work here.
    """
    if asked != "auto":
        reason = backend_of(asked).refusal(machine) or _tried(asked, models, machine)
        if reason is not None:
            raise UsageError(
                f"this run cannot use --attention-backend {asked}: {reason}", got=asked,
                allowed=", ".join(("auto", *BACKENDS)),
            )  # fmt: skip
        return asked
    able = [name for name, reason in refusals(machine).items() if reason is None and BACKENDS[name].repeats]
    if len(able) > 1:
        able = [name for name in able if _tried(name, models, machine) is None]
    if len(able) <= 1 or rehearse is None:
        return next(iter(able), "grouped")
    seconds = {name: _step_s(name, models, machine, rehearse, clock) for name in able}
    shown = ", ".join(f"{name} {value * 1e3:.1f} ms" for name, value in seconds.items() if value is not None)
    timed = {name: value for name, value in seconds.items() if value is not None}
    best = min(timed, key=timed.__getitem__, default="grouped")
    progress.say(f"attention backend {best} (a step: {shown})")
    return best


def _tried(name: str, models: Sequence[nn.Module], machine: Machine) -> str | None:
    """Why those models cannot be packed with that backend; ``None`` where they can."""
    try:
        with packed_models(models, name, _context(machine)):
            return None
    except UsageError as error:
        return error.what


def _step_s(
    name: str, models: Sequence[nn.Module], machine: Machine, rehearse: Callable[[], object],
    clock: Callable[[], float],
) -> float | None:  # fmt: skip
    """Median seconds of a step; ``None`` where it does not fit in memory."""
    samples = []
    with packed_models(models, name, _context(machine)):
        for _ in range(WARM_UPS + TIMED):
            started = clock()
            try:
                rehearse()
                _wait(machine)
            except (RuntimeError, MemoryError) as error:
                if is_out_of_memory(error):
                    return None
                raise
            samples.append(clock() - started)
    return statistics.median(samples[WARM_UPS:])


def _context(machine: Machine) -> Callable[[], contextlib.AbstractContextManager[None]]:
    return functools.partial(computing, machine.precision, machine.device)


def _wait(machine: Machine) -> None:
    """Until the card has done what it was given."""
    if machine.device.type == "cuda":
        import torch

        torch.cuda.synchronize(machine.device)
