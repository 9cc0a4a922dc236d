"""Data parallelism: DDP, ZeRO stages 1 to 3, FSDP2. What each device holds and sends in one optimiser step.

Source: Rajbhandari et al. 2020, "ZeRO" (https://arxiv.org/abs/1910.02054), sections 5 and 7; PyTorch's
``fully_shard`` (https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html), which is stage 3, or
stage 2 with its weights kept after the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from fitwright.core.errors import UsageError
from fitwright.sizing.parallelism.communication import all_reduce_bytes, check_degree, gather_bytes

STAGES = {
    0: "every device holds everything (DDP)",
    1: "optimiser state is split",
    2: "gradients are split too",
    3: "weights are split too (FSDP)",
}


@dataclass(frozen=True, kw_only=True)
class States:
    """Bytes of the whole model: its weights, their gradients, the optimiser's state with any master copy."""

    weights_bytes: int
    gradients_bytes: int
    optimiser_bytes: int


class Share(NamedTuple):
    """Bytes on the fullest device. ``gathered_bytes``: weights put together for the layers at work, stage 3
    alone.
    """

    weights_bytes: int
    gradients_bytes: int
    optimiser_bytes: int
    gathered_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(self)


class Traffic(NamedTuple):
    """Bytes that each device sends in one optimiser step, by operation."""

    all_reduce_bytes: int
    all_gather_bytes: int
    reduce_scatter_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(self)


def share(states: States, *, stage: int, degree: int, largest_unit_bytes: int = 0) -> Share:
    """What one of ``degree`` devices holds at a ZeRO stage.

    Args:
        stage: 0 (DDP), 1, 2 or 3 (FSDP).
        degree: devices, at least 1.
        largest_unit_bytes: weights of the largest unit that is put together at once, usually one layer; two
            of them are alive, the one at work and the one fetched ahead.

    Known error: splitting along the first dimension leaves some devices more than an even part where it does
    not divide; :func:`largest_shard_elements` counts that.

    Raises:
        UsageError: an unknown stage or a degree below 1.
    """
    _check(stage, degree)

    def part(total_bytes: int, from_stage: int) -> int:
        return -(-total_bytes // degree) if stage >= from_stage else total_bytes

    gathered = min(2 * largest_unit_bytes, states.weights_bytes) if stage == 3 and degree > 1 else 0
    return Share(
        weights_bytes=part(states.weights_bytes, 3),
        gradients_bytes=part(states.gradients_bytes, 2),
        optimiser_bytes=part(states.optimiser_bytes, 1),
        gathered_bytes=gathered,
    )


def traffic(
    *,
    weights_bytes: int,
    gradients_bytes: int,
    stage: int,
    degree: int,
    accumulation: int = 1,
    keep_after_forward: bool = False,
) -> Traffic:
    """What each device sends in one optimiser step.

    DDP all-reduces gradients, twice their size. Stages 1 and 2 reduce-scatter gradients and all-gather the
    new
    weights: the same volume. Stage 3 all-gathers weights for the forward and again for the backward pass and
    reduce-scatters gradients: one and a half times as much. (N−1)/N of each.

    Args:
        weights_bytes, gradients_bytes: as they travel: of the precision of the computation, or of the
        reduction.
        accumulation: parts of the batch. DDP and stage 1 send gradients once, stage 2 those of every part,
            stage 3 weights too.
        keep_after_forward: stage 3 keeps weights together until the backward pass
            (``reshard_after_forward=False``): one all-gather fewer, all weights in memory.

    Raises:
        UsageError: an unknown stage, a degree or accumulation below 1.
    """
    _check(stage, degree)
    if accumulation < 1:
        raise UsageError("accumulation must be at least 1", got=accumulation)
    if stage == 0:
        return Traffic(all_reduce_bytes(gradients_bytes, degree), 0, 0)
    parts = accumulation if stage >= 2 else 1
    gathers = accumulation * (1 if keep_after_forward else 2) if stage == 3 else 1
    return Traffic(
        0, gathers * gather_bytes(weights_bytes, degree), parts * gather_bytes(gradients_bytes, degree)
    )


def largest_shard_elements(shapes: Iterable[tuple[tuple[int, ...], int]], degree: int) -> int:
    """Elements on the first device when each parameter is split along its first dimension.

    FSDP2 splits as ``torch.chunk``: ⌈d₀/N⌉ rows for the first devices, fewer or none for the last.

    Args:
        shapes: (shape, how many parameters have it).
        degree: devices, at least 1.
    """
    check_degree("degree", degree)
    return sum(count * (-(-shape[0] // degree) * prod(shape[1:]) if shape else 1) for shape, count in shapes)


def _check(stage: int, degree: int) -> None:
    if stage not in STAGES:
        allowed = ", ".join(f"{number}: {text}" for number, text in STAGES.items())
        raise UsageError("unknown ZeRO stage", got=stage, allowed=allowed)
    check_degree("degree", degree)
