"""What an optimiser keeps between steps, and what it needs for a moment during its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.spec.workload import OPTIMISERS

Parameters = Sequence[tuple[tuple[int, ...], int]]
"""(shape, count) of the trainable tensors."""

_BLOCK = 256
_SMALLEST_QUANTISED = 4096
_FP32_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class OptimiserMemory:
    """Bytes of one optimiser.

    Attributes:
        states: one tensor's bytes each, kept from the first step on.
        temporary_bytes: at the worst moment of its step, besides states, weights and gradients.
    """

    states: tuple[int, ...]
    temporary_bytes: int

    @property
    def state_bytes(self) -> int:
        return sum(self.states)


def needs_of(name: str, parameters: Parameters, *, value_bytes: int, gpu: bool) -> OptimiserMemory:
    """States and temporaries of optimiser ``name``.

    AdamW: two moments in the weights' dtype (Loshchilov and Hutter 2019, arXiv:1711.05101). Its plain loop
    holds two tensors of the largest weight for a moment, the foreach form one copy of every weight, the fused
    form none (``torch/optim/adam.py`` of torch 2.13). 8-bit: one byte a value and an fp32 scale for each 256,
    tensors below 4,096 values in fp32 (Dettmers et al. 2022, arXiv:2110.02861, and its library). Adafactor:
    for matrices a row and a column of second moments, none of the first (Shazeer and Stern 2018,
    arXiv:1804.04235). Known error of the states: none but the allocator's rounding; of temporaries: below 1 %
    of the weights.

    Args:
        parameters: (shape, count) of the trainable tensors.
        value_bytes: of one weight.
        gpu: whether the step runs on a GPU.

    Raises:
        UsageError: unknown optimiser.
    """
    if name not in OPTIMISERS:
        raise UsageError("unknown optimiser", got=name, allowed=", ".join(OPTIMISERS))
    sizes = [(shape, math.prod(shape), count) for shape, count in parameters]
    total = sum(size * count for _, size, count in sizes)
    largest = max((size for _, size, _ in sizes), default=0)
    if name == "adamw":
        name = "adamw-foreach" if gpu else "adamw-plain"
    if name == "sgd":
        return OptimiserMemory(states=(), temporary_bytes=0)
    if name == "sgd-momentum":
        return OptimiserMemory(states=_each(sizes, value_bytes), temporary_bytes=0)
    if name == "adafactor":
        states = [_factored(shape) for shape, _, count in sizes for _ in range(count)]
        return OptimiserMemory(states=tuple(states), temporary_bytes=2 * largest * _FP32_BYTES)
    if name == "adamw-8bit":
        states = [_quantised(size) for _, size, count in sizes for _ in range(2 * count)]
        return OptimiserMemory(states=tuple(states), temporary_bytes=0)
    temporary = {"adamw-plain": 2 * largest, "adamw-foreach": total, "adamw-fused": 0}[name] * value_bytes
    return OptimiserMemory(states=_each(sizes, value_bytes) * 2, temporary_bytes=temporary)


def _each(sizes: Sequence[tuple[tuple[int, ...], int, int]], value_bytes: int) -> tuple[int, ...]:
    return tuple(size * value_bytes for _, size, count in sizes for _ in range(count))


def _factored(shape: tuple[int, ...]) -> int:
    if len(shape) < 2:
        return math.prod(shape) * _FP32_BYTES
    before = math.prod(shape[:-2])
    return before * (shape[-2] + shape[-1]) * _FP32_BYTES


def _quantised(size: int) -> int:
    if size < _SMALLEST_QUANTISED:
        return size * _FP32_BYTES
    return size + math.ceil(size / _BLOCK) * _FP32_BYTES
