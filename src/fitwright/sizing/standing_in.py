"""How far the step that was asked for may be from one whose trace stands in for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

_SPREAD = 1.1
_PRECISION_SPREAD = 2.0
"""Values of the other precision take half the bytes, or twice."""
_UNKNOWN_SCORES = 3.0
_SCORES_MARGIN = 2.0


def widen(
    quantity: Quantity, differs: Collection[str], spec: ModelSpec, workload: Workload, *, least_bytes: float
) -> Quantity:
    """The interval of a memory that was taken from a step which ``differs`` from the workload's own.

    Adapters and checkpointing need less than the step without them, down to what is always there; eager
    attention needs more than fused: the scores. The value stays that of the step that was traced.

    Args:
        differs: ``adapters``, ``checkpointing``, ``attention``, ``precision``, ``device``, ``window``; empty:
            the trace is the workload's own, and nothing is widened.
        least_bytes: weights, and what else no such step does without.
    """
    if not differs or quantity.low is None or quantity.high is None:
        return quantity
    low, high = quantity.low / _SPREAD, quantity.high * _SPREAD
    if "precision" in differs:
        low, high = low / _PRECISION_SPREAD, high * _PRECISION_SPREAD
    if "attention" in differs and workload.attention == "eager":
        scores = scores_bytes(spec, workload)
        high = high * _UNKNOWN_SCORES if scores is None else high + _SCORES_MARGIN * scores
    if {"adapters", "checkpointing"} & set(differs):
        low = min(low, least_bytes)
    return replace(quantity, low=low, high=high)


def scores_bytes(spec: ModelSpec, workload: Workload) -> int | None:
    """Bytes of attention scores that eager attention holds; ``None`` where heads or layers are not known.

    In training each layer keeps 5 bytes a score at 16 bits and 9 at 32: what softmax and dropout gave, and
    the mask (Korthikanti et al. 2022, arXiv:2205.05198, section 4.1); else one layer holds the scores and
    their softmax. Known error: a decoder's cross attention is taken as one more layer of as many scores;
    windows are not looked at.
    """
    dims = spec.dims
    layers = dims.get("layers") or dims.get("encoder_layers", 0) + 2 * dims.get("decoder_layers", 0)
    if spec.kind not in ("encoder", "decoder", "encoder-decoder") or not layers or "heads" not in dims:
        return None
    value_bytes = 2 if workload.precision in ("bf16", "fp16") and not workload.is_autocast else 4
    scores = dims["heads"] * workload.micro_batch * workload.seq**2
    if workload.mode == "infer" or workload.checkpointing:
        return 2 * value_bytes * scores
    return (2 * value_bytes + 1) * scores * layers
