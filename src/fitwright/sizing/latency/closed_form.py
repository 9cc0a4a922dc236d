"""Seconds of one batch from a data sheet: a roofline plus the cost of issuing each layer. Wide on purpose."""

from __future__ import annotations

from collections.abc import Mapping

from fitwright.sizing import flops
from fitwright.sizing.corrections import Corrections
from fitwright.sizing.memory.closed_form import activation_value_bytes, weight_bytes
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

SPREAD = 3.0
"""The interval reaches from value ÷ 3 to value × 3: data sheets alone say no more."""

UTILISATION: Mapping[str, Mapping[str, float]] = {
    "cpu": {"fp32": 0.55, "tf32": 0.55, "bf16": 0.2, "fp16": 0.2, "int8": 0.2, "int4": 0.15},
    "gpu": {"fp32": 0.6, "tf32": 0.4, "bf16": 0.4, "fp16": 0.4, "int8": 0.3, "int4": 0.2},
    "npu": {"fp32": 0.3, "tf32": 0.3, "bf16": 0.3, "fp16": 0.3, "int8": 0.3, "int4": 0.2},
}
"""Share of the peak that whole Transformer passes reach: assumed, until the device is profiled."""

LAYER_OVERHEAD_S: Mapping[str, float] = {"torch": 3.0e-4, "onnxruntime": 6.0e-5}
"""Seconds to issue one layer's operators, whatever their size: assumed; eager against a compiled graph."""

_BANDWIDTH_SHARE = 0.7
_ADAMW_TRAFFIC_BYTES = 28


def estimate(
    spec: ModelSpec,
    workload: Workload,
    device: Device,
    *,
    engine: str = "torch",
    corrections: Corrections | None = None,
) -> Quantity | None:
    """Seconds for one batch, ``max(FLOPs ÷ used peak, bytes ÷ used bandwidth) + layers × overhead``.

    Source: the roofline model (Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785). An unknown
    bandwidth drops the second term and the note says so.

    Args:
        engine: ``torch`` or ``onnxruntime``; sets the overhead of a layer.
        corrections: a measured point on this device, under ``latency``.

    Returns:
        ``None`` where the device's peak at this precision or the model's FLOPs are unknown.
    """
    work, peak = flops.per_batch(spec, workload), device.peak_flops.get(workload.precision)
    if work is None or peak is None:
        return None
    compute_s = work / (peak * UTILISATION[device.kind][workload.precision])
    note = "from data-sheet peaks and assumed utilisation: an order of magnitude until measured"
    bound_s = compute_s
    if device.bandwidth_bytes_per_s is None:
        note += "; memory bandwidth unknown, so not counted"
    else:
        moved_s = _moved_bytes(spec, workload) / (device.bandwidth_bytes_per_s * _BANDWIDTH_SHARE)
        bound_s = max(compute_s, moved_s)
    passes = flops.TRAINING_FACTOR if workload.mode == "train" else 1
    value = bound_s + passes * _issued_layers(spec) * LAYER_OVERHEAD_S[engine]
    predicted = Quantity.estimated(value, "s", low=value / SPREAD, high=value * SPREAD, note=note)
    return predicted if corrections is None else corrections.apply("latency", predicted)


def _issued_layers(spec: ModelSpec) -> int:
    if spec.kind == "encoder-decoder":
        return spec.dims["encoder_layers"] + 2 * spec.dims["decoder_layers"]
    return spec.dims.get("layers", 0)


def _moved_bytes(spec: ModelSpec, workload: Workload) -> float:
    """Weights once per pass, the activations of every layer, and the optimiser's traffic in training."""
    tokens = workload.batch * workload.seq
    embedding = spec.embedding_parameters or 0
    read = spec.parameters if flops.has_vocabulary_output(spec) else spec.parameters - embedding
    width = 2 * spec.dims.get("hidden", 0) + spec.dims.get("ffn", 0)
    activations = 4 * tokens * width * _issued_layers(spec) * activation_value_bytes(workload.precision)
    once = weight_bytes(read, workload.precision) + activations
    if workload.mode == "train":
        return flops.TRAINING_FACTOR * once + _ADAMW_TRAFFIC_BYTES * spec.parameters
    return once
