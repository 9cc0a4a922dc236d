"""The tanh form of GELU in one pass over memory, for models that write it as eight operations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextlib.contextmanager
def one_pass_activations(models: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the block ``gelu_new`` and ``gelu_fast`` (GPT-2, T5 v1.1, ALBERT ...) are torch's own function.

    The same function up to rounding: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) (Hendrycks and
    Gimpel 2016).
    """
    from torch.nn.functional import gelu
    from transformers.activations import FastGELUActivation, NewGELUActivation

    written_out = (NewGELUActivation, FastGELUActivation)
    layers = {m: None for model in models for m in model.modules() if isinstance(m, written_out)}
    for layer in layers:
        layer.forward = lambda values: gelu(values, approximate="tanh")
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
