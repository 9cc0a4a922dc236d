"""A batch without data for a model's class: what its forward pass asks for, and labels if it takes them."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from fitwright.core.errors import UsageError

_ROW_LABELS = (
    "ForSequenceClassification", "ForImageClassification", "ForImageClassificationWithTeacher",
    "ForNextSentencePrediction",
)  # fmt: skip
_AUDIO_FRAMES_PER_POSITION = 2


def batch_for(model: Any, batch: int, seq: int, *, train: bool, device: str = "meta") -> dict[str, Any]:
    """Arguments of the forward pass: ``batch`` rows of ``seq`` tokens; images and audio at the model's size.

    The decoder of an encoder-decoder gets ``seq`` tokens too (at most its maximum). No row is padded.

    Raises:
        UsageError: the model takes an input that is neither text, image nor log-mel audio.
    """
    config = model.config
    takes = inspect.signature(model.forward).parameters
    ids = torch.zeros(batch, seq, dtype=torch.long, device=device)
    found: dict[str, Any] = {}
    dtype = next(model.parameters()).dtype
    if "input_features" in takes:
        frames = config.max_source_positions * _AUDIO_FRAMES_PER_POSITION
        found["input_features"] = torch.zeros(batch, config.num_mel_bins, frames, device=device, dtype=dtype)
    if "pixel_values" in takes:
        found["pixel_values"] = _pixels(config, batch, device, dtype)
    if "input_ids" in takes:
        found["input_ids"] = ids
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        found["decoder_input_ids"] = ids
    if not found:
        raise UsageError("a batch for this class is not known", got=type(model).__name__)
    if train:
        found |= _labels(model, takes, batch, seq, device)
    return found


def _pixels(config: Any, batch: int, device: str, dtype: torch.dtype) -> torch.Tensor:
    vision = getattr(config, "vision_config", config)
    size = getattr(vision, "image_size", None) or 224
    height, width = (size, size) if isinstance(size, int) else size
    return torch.zeros(batch, getattr(vision, "num_channels", 3), height, width, device=device, dtype=dtype)


def _labels(model: Any, takes: Any, batch: int, seq: int, device: str) -> dict[str, Any]:
    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, dtype=torch.long, device=device)

    if "start_positions" in takes:
        return {"start_positions": zeros(batch), "end_positions": zeros(batch)}
    if "return_loss" in takes:
        return {"return_loss": True}
    if "labels" not in takes:
        return {}
    if type(model).__name__.endswith(_ROW_LABELS):
        if getattr(model.config, "problem_type", None) == "multi_label_classification":
            return {"labels": zeros(batch, model.config.num_labels).float()}
        return {"labels": zeros(batch)}
    found = {"labels": zeros(batch, seq)}
    if "next_sentence_label" in takes:
        found["next_sentence_label"] = zeros(batch)
    if "sentence_order_label" in takes:
        found["sentence_order_label"] = zeros(batch)
    return found


def loss_of(output: Any) -> torch.Tensor:
    """The model's own loss, else the sum of its first floating output."""
    loss = getattr(output, "loss", None)
    if loss is not None:
        return loss  # type: ignore[no-any-return]
    for value in output.values():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.float().sum()
    raise UsageError("the model's output holds nothing to differentiate", got=type(output).__name__)
