"""Does a packed model answer as the padded one does? Asked of every model before packing is used on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

TOLERANCE = 1e-4
"""Largest difference that is taken for rounding, as a share of the largest answer."""

HALF_TOLERANCE = 5e-2
"""The same in bf16 and fp16, whose numbers have 8 and 11 bits: both answers are rounded at every layer."""

_LENGTHS = (5, 2, 12, 9, 2)
"""Of the rows that are asked: groups of equal and of unequal length, out of order."""


class _Pausable(Protocol):
    def paused(self) -> contextlib.AbstractContextManager[None]: ...


def packing_difference(model: nn.Module, packing: _Pausable) -> float:
    """Largest difference between packed and padded answers to five short rows, over the largest answer.

    Computed without dropout and without touching the random state. The model is left as it was.
    """
    import torch

    inputs = trial_rows(model)
    with at_rest(model), torch.no_grad():
        packed = _answer(model, inputs)
        with packing.paused():
            padded = _answer(model, inputs)
    if packed.shape != padded.shape:
        return float("inf")
    largest = float(padded.abs().max())
    return float((packed - padded).abs().max()) / max(largest, 1e-12)


def try_training(model: nn.Module) -> None:
    """Compute five short rows as in training, dropout and all; what cannot be computed raises.

    The model and the random state are left as they were.
    """
    import torch

    device = next(model.parameters()).device
    forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
    with at_rest(model), forked, torch.no_grad():
        model.train()
        model(**trial_rows(model))


@contextlib.contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Inside the block the model is in ``eval``; behind it each module is in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def trial_rows(model: Any) -> dict[str, torch.Tensor]:
    """Five short rows of tokens that mean nothing, padded, as ``model`` takes them."""
    import torch

    config = model.config
    pad = config.pad_token_id if isinstance(getattr(config, "pad_token_id", None), int) else 0
    vocabulary = int(config.vocab_size)
    generator = np.random.default_rng(0)
    ids = np.full((len(_LENGTHS), max(_LENGTHS)), pad)
    for row, length in zip(ids, _LENGTHS, strict=True):
        drawn = generator.integers(0, vocabulary, length)
        row[:length] = np.where(drawn == pad, (pad + 1) % vocabulary, drawn)
    mask = np.arange(max(_LENGTHS)) < np.array(_LENGTHS)[:, None]
    device = next(model.parameters()).device
    inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if getattr(config, "is_encoder_decoder", False):
        inputs |= {"decoder_input_ids": inputs["input_ids"].flip(0).contiguous()}
        inputs |= {"decoder_attention_mask": inputs["attention_mask"].flip(0).contiguous()}
    return {name: value.to(device) for name, value in inputs.items()}


def _answer(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits, or hidden states where there are none; those of padding set to zero."""
    import torch

    output = model(**inputs)
    logits = getattr(output, "logits", None)
    if logits is None and hasattr(output, "start_logits"):  # answers to questions: where they begin and end
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1)
    answer: torch.Tensor = output.last_hidden_state if logits is None else logits
    mask = inputs.get("decoder_attention_mask", inputs["attention_mask"])
    if answer.shape[:2] == mask.shape:  # one answer a token
        answer = answer * mask.view(*mask.shape, *[1] * (answer.ndim - 2))
    return answer.float()
