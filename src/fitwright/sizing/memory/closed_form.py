"""Bytes of tensors that a workload keeps alive at its worst moment. First estimates: formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fitwright.sizing.flops import attention_width, has_vocabulary_output, image_tokens
from fitwright.spec.device import BYTES_PER_VALUE, Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

NOTE = (
    "tensors alone (weights, activations and, in training, gradients and AdamW states); the runtime's own not"
)
_ADAMW_BYTES = 8
_MASTER_BYTES = 4
_LOW, _HIGH = 0.9, 1.3
_LOGITS_COPIES = 2


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The parts, in bytes; they add up to ``total.value``, which alone has an interval."""

    total: Quantity
    parts: Mapping[str, int]


def estimate(spec: ModelSpec, workload: Workload, device: Device) -> Memory | None:
    """Allocated bytes; ``None`` for a kind whose activations this formula does not describe.

    Inference: weights at the workload's precision, the widest moment of one layer, the logits. Training:
    fp32 weights, gradients and two AdamW moments, 16 bytes a parameter (mixed precision keeps fp32 masters:
    also 16 or more; Rajbhandari et al. 2020, arXiv:1910.02054, section 3.1), the stored activations of every
    layer (Korthikanti et al. 2022, arXiv:2205.05198, section 4.1, written for any width of value and mask),
    the logits.

    BERT-large, fp32, batch 16, training, unfused attention: 10.2 GB at 128 tokens and 39.2 GB at 512; traced
    10.2 and 39.3 GB. Known error: fused attention stores no scores, so the interval reaches from none to all
    of them.
    """
    layers = _layers(spec)
    if layers is None:
        return None
    return (
        _training(spec, workload, device, layers) if workload.mode == "train" else _inference(spec, workload)
    )


def weight_bytes(parameters: int, precision: str) -> int:
    """Bytes of ``parameters`` values at ``precision``."""
    return round(parameters * BYTES_PER_VALUE[precision])


def activation_value_bytes(precision: str) -> float:
    """Bytes of one activation: whole-number precisions keep theirs in fp32 (dynamic quantisation)."""
    return 4.0 if precision in ("int8", "int4") else BYTES_PER_VALUE[precision]


def _layers(spec: ModelSpec) -> int | None:
    if spec.kind == "encoder-decoder":
        return spec.dims["encoder_layers"] + spec.dims["decoder_layers"]
    if spec.kind in ("encoder", "decoder", "vision") and {"layers", "hidden"} <= set(spec.dims):
        return spec.dims["layers"]
    return None


def _tokens_of_row(spec: ModelSpec, workload: Workload) -> int:
    return image_tokens(spec) if spec.kind == "vision" else workload.seq


def _logits(spec: ModelSpec, workload: Workload) -> int:
    """Scores of the whole vocabulary in fp32 for every token; only language models make them."""
    if not has_vocabulary_output(spec):
        return 0
    return workload.batch * workload.seq * spec.dims.get("vocab", 0) * 4


def _scores(spec: ModelSpec, workload: Workload) -> int:
    """Attention scores of one layer: batch × heads × S². Stored only by unfused attention."""
    row = _tokens_of_row(spec, workload)
    return workload.batch * spec.dims.get("heads", 0) * row * row


def _inference(spec: ModelSpec, workload: Workload) -> Memory:
    value_bytes = activation_value_bytes(workload.precision)
    tokens = workload.batch * _tokens_of_row(spec, workload)
    hidden, ffn = spec.dims["hidden"], spec.dims.get("ffn", 4 * spec.dims["hidden"])
    widest = 2 * hidden + max(2 * ffn, 3 * attention_width(spec))
    parts = {
        "weights": weight_bytes(spec.parameters, workload.precision),
        "activations": round(tokens * widest * value_bytes),
        "logits": _logits(spec, workload),
    }
    kept = 2 * round(_scores(spec, workload) * value_bytes)
    return _sum(parts, least=parts["weights"], most=_HIGH * (sum(parts.values()) + kept))


def _training(spec: ModelSpec, workload: Workload, device: Device, layers: int) -> Memory:
    value_bytes = activation_value_bytes(workload.precision)
    mask_bytes = 4 if device.kind == "cpu" else 1  # off the GPU, dropout keeps its mask in fp32
    tokens = workload.batch * _tokens_of_row(spec, workload)
    hidden, ffn = spec.dims["hidden"], spec.dims.get("ffn", 4 * spec.dims["hidden"])
    per_token = hidden * (8 * value_bytes + 2 * mask_bytes) + 2 * ffn * value_bytes
    scores = round(layers * _scores(spec, workload) * (2 * value_bytes + mask_bytes))
    kept = scores if device.kind == "cpu" else 0  # CPU attention with dropout runs unfused
    parts = {
        "weights": spec.parameters * _MASTER_BYTES,
        "gradients": spec.parameters * _MASTER_BYTES,
        "optimiser": spec.parameters * _ADAMW_BYTES,
        "activations": round(layers * tokens * per_token) + kept,
        "logits": _LOGITS_COPIES * _logits(spec, workload),
    }
    least = _LOW * (sum(parts.values()) - kept)
    return _sum(parts, least=least, most=_HIGH * (sum(parts.values()) - kept + scores))


def _sum(parts: Mapping[str, int], *, least: float, most: float) -> Memory:
    value = float(sum(parts.values()))
    total = Quantity.estimated(value, "B", low=min(least, value), high=max(most, value), note=NOTE)
    return Memory(total=total, parts=dict(parts))
