"""What one device needs where several share a model: sharded states (ZeRO, FSDP) and split layers."""

from __future__ import annotations

from collections.abc import Iterator

from fitwright.core.units import format_bytes, format_seconds
from fitwright.sizing.parallelism.communication import transfer_time
from fitwright.sizing.parallelism.sharding import States, share, traffic
from fitwright.sizing.parallelism.tensor import (
    Shape,
    layer_activation_bytes,
    possible_degrees,
    step_traffic_bytes,
)
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

DEGREES = (2, 4, 8)
_GATED = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "phi3",
    "olmo",
    "olmo2",
    "olmo3",
    "smollm3",
)

Spread = tuple[str, str, int, str]
"""(change, option, bytes saved on each device, what it costs)."""


def spreads(spec: ModelSpec, workload: Workload, device: Device, record: Record) -> Iterator[Spread]:
    """Ways to share the model over 2, 4 and 8 devices of this kind; none for a CPU.

    Known error: the saving is that of states and layers at the moment of the peak; what one device must then
    hold for the exchange is counted for FSDP alone.
    """
    if device.kind == "cpu" or record.value("memory-weights") is None:
        return
    if workload.mode == "train":
        yield from _sharded(spec, workload, device, record)
    yield from _split(spec, workload, device, record)


def _sharded(spec: ModelSpec, workload: Workload, device: Device, record: Record) -> Iterator[Spread]:
    weights = round(record.value("memory-weights") or 0)
    gradients = round(record.value("memory-gradients") or 0)
    states = States(
        weights_bytes=weights,
        gradients_bytes=gradients,
        optimiser_bytes=round(record.value("memory-optimiser") or 0),
    )
    layers = max(1, spec.layers or 1)
    for degree in DEGREES:
        for stage, name in ((1, "ZeRO-1"), (3, "FSDP (ZeRO-3)")):
            part = share(states, stage=stage, degree=degree, largest_unit_bytes=weights // layers)
            saved = states.weights_bytes + states.gradients_bytes + states.optimiser_bytes - part.total_bytes
            sent = traffic(
                weights_bytes=weights,
                gradients_bytes=weights,
                stage=stage,
                degree=degree,
                accumulation=workload.accumulation,
            ).total_bytes
            yield (
                f"{name} over {degree} devices",
                f"{name.split()[0]} degree {degree}",
                saved,
                _cost(sent, device),
            )


def _split(spec: ModelSpec, workload: Workload, device: Device, record: Record) -> Iterator[Spread]:
    shape = _shape(spec)
    if shape is None:
        return
    layers = spec.layers or 1
    kept = {
        name: record.value(f"memory-{name}") or 0.0
        for name in ("weights", "gradients", "optimiser", "activations")
    }
    batch, seq, hidden = workload.micro_batch, workload.seq, shape.hidden

    def kept_by_layer(degree: int) -> int:
        return layer_activation_bytes(
            batch=batch, seq=seq, hidden=hidden, heads=shape.heads, degree=degree, scores_stored=False
        )

    whole = kept_by_layer(1)
    value_bytes = 2 if workload.precision in ("bf16", "fp16") else 4
    for degree in sorted(set(possible_degrees(shape)) & set(DEGREES)):
        part = kept_by_layer(degree)
        saved = sum(kept[name] * (1 - 1 / degree) for name in ("weights", "gradients", "optimiser"))
        saved += kept["activations"] * (1 - part / whole) if workload.mode == "train" else 0.0
        sent = step_traffic_bytes(
            batch=batch,
            seq=seq,
            hidden=hidden,
            layers=layers,
            degree=degree,
            value_bytes=value_bytes,
            training=workload.mode == "train",
        )
        heads = f"{shape.heads // degree} of {shape.heads} heads each"
        yield (
            f"tensor parallelism over {degree} devices, {heads}",
            f"tensor-parallel degree {degree}",
            round(saved),
            _cost(sent * workload.accumulation, device),
        )


def _shape(spec: ModelSpec) -> Shape | None:
    """``None`` where the model is no single stack of attention and feed-forward blocks."""
    dims = spec.dims
    if spec.kind not in ("encoder", "decoder") or not {"hidden", "heads", "layers"} <= set(dims):
        return None
    hidden, heads = dims["hidden"], dims["heads"]
    return Shape(
        hidden=hidden,
        heads=heads,
        kv_heads=dims.get("kv_heads", heads),
        head_dim=dims.get("head_dim", hidden // heads),
        ffn=dims.get("ffn", 4 * hidden),
        vocabulary=dims.get("vocab", 0),
        gated=spec.model_type in _GATED,
    )


def _cost(sent_bytes: int, device: Device) -> str:
    text = f"{format_bytes(sent_bytes)} sent a step"
    if device.interconnect_bytes_per_s is None:
        return text
    seconds = transfer_time(sent_bytes, device.interconnect_bytes_per_s).value
    return f"{text}, {format_seconds(seconds)} if not hidden"
