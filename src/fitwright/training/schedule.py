"""How the learning rate and the batch change during a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fitwright.training.settings import TrainSettings

_MOST_BITS = 53
_STABLE_SHARE = 0.8
"""Of a warmup-stable-decay run: until here the rate stays at its peak."""


def learning_rate(step: int, total: int, settings: TrainSettings) -> float:
    """The rate of a step: linear warm-up, then the schedule, not below ``final_rate`` of the peak.

    ``linear`` and ``cosine`` (Loshchilov & Hutter 2017) fall from the peak to the last step; ``constant``
    stays; ``wsd`` stays, then falls linearly over the last fifth (Hu et al. 2024, MiniCPM); ``inverse-sqrt``
    falls with the square root of the step (Vaswani et al. 2017).

    Args:
        step: from 0.
        total: steps of the run.
        settings: ``schedule``, ``learning_rate`` (the peak), ``warmup``, ``final_rate``.
    """
    warm = max(1.0, settings.warmup * total)
    up = (step + 1) / warm
    left = (total - step) / max(1.0, total - warm)
    down = _DOWN[settings.schedule](max(0.0, min(1.0, left)), step, warm)
    floor = settings.final_rate
    return settings.learning_rate * min(1.0, up, floor + (1 - floor) * down)


_DOWN: Mapping[str, Callable[[float, int, float], float]] = {
    "linear": lambda left, _step, _warm: left,
    "cosine": lambda left, _step, _warm: 0.5 * (1 - math.cos(math.pi * left)),
    "constant": lambda _left, _step, _warm: 1.0,
    "wsd": lambda left, _step, _warm: min(1.0, left / (1 - _STABLE_SHARE)),
    "inverse-sqrt": lambda _left, step, warm: math.sqrt(warm / max(warm, step + 1)),
}


def batch_of_epoch(epoch: int, size: int, settings: TrainSettings) -> int:
    """Rows or tokens of a step: ``size`` times ``batch_growth`` for every epoch that is done, 2⁵³ at most.

    A growing batch lowers the noise of the gradient as a falling rate does (Smith et al. 2018).
    """
    grown = math.log2(size) + epoch * math.log2(settings.batch_growth)
    return max(1, round(size * settings.batch_growth**epoch)) if grown < _MOST_BITS else 2**_MOST_BITS


def rate_for_batch(batch: int, settings: TrainSettings) -> float:
    """Factor on the rate for steps of that many rows (or tokens, where the batch is set in tokens).

    √(batch / reference batch): for Adam and its kin, while gradients are noisy (Malladi et al. 2022, arXiv
    2205.10287). 1 where no reference is given. Known error: beyond the critical batch the rate should grow
    no more.
    """
    if settings.reference_batch is None:
        return 1.0
    return math.sqrt(batch / settings.reference_batch)
