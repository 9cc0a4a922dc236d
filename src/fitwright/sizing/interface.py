"""The one question that everything else asks: this model, this work, this device → a Record of quantities."""

from __future__ import annotations

from fitwright.sizing import flops, latency, memory
from fitwright.sizing.corrections import Corrections
from fitwright.sizing.parameters import count
from fitwright.spec.device import BYTES_PER_VALUE, Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

_FLOPS_SPREAD = 1.15
_COUNTED_PRECISIONS = ("fp32", "tf32", "bf16", "fp16")


def estimate(
    spec: ModelSpec, workload: Workload, device: Device, *, corrections: Corrections | None = None
) -> Record:
    """Predict what ``spec`` needs for ``workload`` on ``device``.

    Quantities: ``parameters`` (exact), ``non-embedding`` (exact), ``active`` (mixture of experts), ``flops``
    and ``flops-training-step`` (per batch), ``size`` (weight bytes at the precision), ``memory`` and parts
    ``memory-weights``, ``memory-activations``, ``memory-logits``, ``memory-gradients``, ``memory-optimiser``,
    and ``latency`` (seconds per batch). What cannot be said is absent; the context's ``assumptions`` say why.

    Args:
        corrections: measured points that move and narrow ``memory`` and ``latency``.
    """
    assumptions: list[str] = []
    found = {**_counts(spec), "size": size_of(spec.parameters, workload.precision)}
    too_long = longer_than_allowed(spec, workload)
    if too_long:
        assumptions.append(too_long)
    else:
        found |= _work(spec, workload)
        found |= _memory(spec, workload, device, corrections, assumptions)
        seconds = latency.estimate(spec, workload, device, corrections=corrections)
        if seconds is not None:
            found["latency"] = seconds
        else:
            assumptions.append(_why_no_latency(spec, workload, device))
    context = {**workload.as_json(), "device": device.name, "assumptions": assumptions}
    return Record(subject=spec.id, quantities=found, context=context)


def longer_than_allowed(spec: ModelSpec, workload: Workload) -> str:
    """Why the workload's length is beyond the model's hard limit; empty where it is not."""
    limit = spec.max_sequence_length
    soft = "max_sequence_note" in spec.facts or spec.kind not in ("encoder", "decoder", "encoder-decoder")
    if limit is None or soft or workload.seq <= limit:
        return ""
    return f"{workload.seq} tokens are more than this model's {limit}: memory and latency left out"


def size_of(parameters: int, precision: str) -> Quantity:
    """Weight bytes: counted at whole-value precisions; estimated below, where scales and vectors add some."""
    exact = memory.weight_bytes(parameters, precision)
    if precision in _COUNTED_PRECISIONS:
        return Quantity.exact(exact, "B", note="weights alone")
    return Quantity.estimated(
        exact * 1.02, "B", low=exact, high=1.1 * exact,
        note=f"weights at {BYTES_PER_VALUE[precision]:g} B each, and scales",
    )  # fmt: skip


def _counts(spec: ModelSpec) -> dict[str, Quantity]:
    parts = count(spec)
    found = {"parameters": Quantity.exact(parts.total, "1", note=spec.architecture)}
    if parts.non_embedding is not None:
        found["non-embedding"] = Quantity.exact(parts.non_embedding, "1")
    if parts.active is not None:
        found["active"] = parts.active
    return found


def _work(spec: ModelSpec, workload: Workload) -> dict[str, Quantity]:
    once = flops.forward(spec, workload)
    if once is None:
        return {}
    step = once * flops.TRAINING_FACTOR
    return {"flops": _flops(once), "flops-training-step": _flops(step)}


def _flops(value: int) -> Quantity:
    return Quantity.estimated(
        value, "FLOP", low=value / _FLOPS_SPREAD, high=value * _FLOPS_SPREAD, note="per batch; formula"
    )


def _memory(
    spec: ModelSpec,
    workload: Workload,
    device: Device,
    corrections: Corrections | None,
    assumptions: list[str],
) -> dict[str, Quantity]:
    needed = memory.estimate(spec, workload, device)
    if needed is None:
        assumptions.append(f"no memory formula for {spec.kind} models of type {spec.model_type} yet")
        return {}
    total = needed.total if corrections is None else corrections.apply("memory", needed.total)
    parts = {
        f"memory-{name}": Quantity.estimated(value, "B", low=0.0, high=max(total.high or 0.0, float(value)))
        for name, value in needed.parts.items()
        if value
    }
    return {"memory": total, **parts}


def _why_no_latency(spec: ModelSpec, workload: Workload, device: Device) -> str:
    if flops.forward(spec, workload) is None:
        return f"no latency formula for {spec.kind} models of type {spec.model_type} yet"
    return f"the peak of {device.name} at {workload.precision} is unknown, so latency is too"
