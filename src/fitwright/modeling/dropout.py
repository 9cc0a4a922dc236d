"""Dropout whose random numbers cost little on a CPU, and depend on seed and step alone.

torch draws one fp32 Bernoulli number an element, on one thread. Here 64 random bits decide four elements: an
element is dropped where its 16 bits are below rate · 2¹⁶. The rate is met to 2⁻¹⁷, and what is kept is
scaled by the rate so rounded, which keeps the mean exactly. The bits come from SFC64 (Doty-Humphrey 2010, a
generator of NumPy) seeded with seed and step: a resumed run draws the same ones without any state to save.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

_LEVELS = 1 << 16


class CheapDropout:
    """The random bits of a run, and dropout that uses them. Call :meth:`start_step` before each step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.start_step(0)

    def start_step(self, step: int) -> None:
        """From now on draw what belongs to that step."""
        self._generator = np.random.Generator(np.random.SFC64((self.seed, step)))

    @property
    def state(self) -> dict[str, Any]:
        """Where the generator stands; given back, the same bits are drawn again."""
        return dict(self._generator.bit_generator.state)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state

    def __call__(self, values: torch.Tensor, rate: float) -> torch.Tensor:
        """``values`` with a share of ``rate`` set to zero and the rest scaled up; differentiable."""
        factors = self.factors(values, rate)
        return values if factors is None else values * factors

    def factors(self, values: torch.Tensor, rate: float) -> torch.Tensor | None:
        """Zero or 1 / (1 - rate) for each element, in the type of ``values``; ``None`` for a rate of 0."""
        import torch

        threshold = round(rate * _LEVELS)
        if not threshold:
            return None
        words = self._generator.integers(0, 1 << 64, size=-(-values.numel() // 4), dtype=np.uint64)
        bits = torch.from_numpy(words.view(np.int16))[: values.numel()].view(values.shape)
        factors = torch.empty(values.shape, dtype=values.dtype)
        torch.ge(bits, threshold - _LEVELS // 2, out=factors)  # 1 where kept, in one pass
        return factors.mul_(_LEVELS / (_LEVELS - threshold))


_active: contextvars.ContextVar[CheapDropout | None] = contextvars.ContextVar("dropout", default=None)


def drop(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Dropout from the active source of :func:`cheap_dropout`, else torch's."""
    source = _active.get()
    if source is not None:
        return source(values, rate)
    from torch.nn.functional import dropout

    return dropout(values, p=rate)


def keep_factors(values: torch.Tensor, rate: float) -> torch.Tensor | None:
    """What dropout multiplies those values by, from the active source, else from torch's random numbers.

    ``None`` where the rate is zero.
    """
    import torch

    source = _active.get()
    if source is not None:
        return source.factors(values, rate)
    return torch.nn.functional.dropout(torch.ones_like(values), p=rate) if rate else None


@contextlib.contextmanager
def cheap_dropout(model: nn.Module, seed: int) -> Iterator[CheapDropout]:
    """Inside the block the model's dropout layers, and packed attention, draw from the source handed out.

    For models on a CPU. Dropout that a model calls as a function of torch stays torch's.
    """
    from torch.nn import Dropout

    source = CheapDropout(seed)
    layers = [module for module in model.modules() if type(module) is Dropout]
    for layer in layers:
        layer.forward = _forward(layer, source)  # type: ignore[assignment,method-assign]
    token = _active.set(source)
    try:
        yield source
    finally:
        _active.reset(token)
        for layer in layers:
            del layer.forward


def _forward(layer: nn.Dropout, source: CheapDropout) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(values: torch.Tensor) -> torch.Tensor:
        return source(values, layer.p) if layer.training else values

    return forward
