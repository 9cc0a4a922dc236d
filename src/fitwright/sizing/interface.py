"""The one question that everything else asks: this model, this work, this device → a Record of quantities."""

from __future__ import annotations

from fitwright.sizing import flops
from fitwright.sizing.corrections import Corrections
from fitwright.sizing.latency import step as latency
from fitwright.sizing.ledger.intervals import interval_for
from fitwright.sizing.ledger.residuals import Group
from fitwright.sizing.lengths import longer_than_allowed
from fitwright.sizing.memory import closed_form, runtime, step
from fitwright.sizing.parameters import count
from fitwright.sizing.standing_in import widen
from fitwright.sizing.trace.obtain import Obtained, conditions_of, obtain
from fitwright.sizing.trace.program import Trace
from fitwright.sizing.trace.store import shipped_flops
from fitwright.sizing.trace.work import flops as flops_of
from fitwright.spec.device import BYTES_PER_VALUE, Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

METHOD = "trace"
"""How memory and latency are estimated here: the ledger's residuals of other methods say nothing of it."""

_FLOPS_SPREAD = 1.15
_COUNTED_PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
_SCALES = 1.02


def estimate(
    spec: ModelSpec, workload: Workload, device: Device, *, corrections: Corrections | None = None,
    trace_now: bool = True,
) -> Record:  # fmt: skip
    """Predict what ``spec`` needs for ``workload`` on ``device``.

    Quantities: ``parameters`` (exact), ``non-embedding`` (exact), ``active`` (mixture of experts), ``flops``
    and ``flops-training-step`` (per batch), ``size`` (weight bytes at the precision), ``memory-allocated``,
    ``memory-reserved`` (CUDA's allocator; absent on a CPU), ``memory-process`` and its alias ``memory``, the
    parts ``memory-weights``, ``memory-gradients``, ``memory-optimiser``, ``memory-activations``,
    ``memory-logits``, ``memory-kv_cache``, ``memory-workspace``, ``memory-context`` at the worst moment, and
    ``latency`` (seconds per batch). What cannot be said is absent; the context's ``assumptions`` say why, its
    ``instant`` when the peak is.

    Args:
        corrections: measured points that move and narrow ``memory`` and ``latency``.
        trace_now: trace a model of which no trace is at hand, which takes seconds; off where many are judged.
    """
    assumptions: list[str] = []
    if spec.notes and "built_class" not in spec.facts:  # what reading a config took for granted
        assumptions.append(spec.notes)
    context = {**workload.as_json(), "device": device.name, "assumptions": assumptions}
    found = {**_counts(spec), "size": size_of(spec.parameters, workload.precision)}
    too_long = longer_than_allowed(spec, workload)
    if too_long:
        assumptions.append(too_long)
        return Record(subject=spec.id, quantities=found, context=context)
    asked = conditions_of(spec, workload, device)
    obtained = obtain(
        spec, asked, point=(workload.micro_batch, workload.seq), lora_rank=workload.lora_rank, now=trace_now
    )
    if obtained.note:
        assumptions.append(obtained.note)
    found |= _work(spec, workload, obtained)
    found |= _memory(spec, workload, device, obtained, context)
    seconds = latency.estimate(spec, workload, device, obtained.trace, assumptions)
    if seconds is not None:
        found["latency"] = _told("latency", seconds.seconds, device, workload, seconds.method)
    if corrections is not None:
        found |= {
            name: corrections.apply(name, found[name]) for name in ("memory", "latency") if name in found
        }
    return Record(subject=spec.id, quantities=found, context=context)


def size_of(parameters: int, precision: str) -> Quantity:
    """Weight bytes: counted at whole-value precisions; estimated below, where scales and vectors add some."""
    exact = closed_form.weight_bytes(parameters, precision)
    if precision in _COUNTED_PRECISIONS:
        return Quantity.exact(exact, "B", note="weights alone")
    return Quantity.estimated(
        exact * _SCALES, "B", low=exact, high=1.1 * exact,
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


def _work(spec: ModelSpec, workload: Workload, obtained: Obtained) -> dict[str, Quantity]:
    """FLOPs of one forward pass over the batch and of one training step."""
    forward = _counted(spec, obtained, "infer", workload)
    training = _counted(spec, obtained, "train", workload)
    if forward is None:
        once = flops.forward(spec, workload)
        forward = None if once is None else _rough_flops(once)
    if training is None and forward is not None:
        training = _rough_flops(round(forward.value) * flops.TRAINING_FACTOR)
    found = {"flops": forward, "flops-training-step": training}
    return {name: quantity for name, quantity in found.items() if quantity is not None}


def _counted(spec: ModelSpec, obtained: Obtained, mode: str, workload: Workload) -> Quantity | None:
    """From the workload's own trace, else from the plain one of that mode which ships with the catalogue."""
    trace = obtained.trace
    value = None
    if (
        trace is not None
        and trace.conditions.get("mode") == mode
        and not obtained.note
        and holds_at(trace, workload)
    ):
        value = flops_of(latency.operators(trace, workload))
    else:
        window = "-long" if trace is not None and trace.conditions.get("window") == "long" else ""
        known = shipped_flops(spec.id, f"{mode}-fp32-fused-cpu{window}")
        value = None if known is None else known(workload.batch, workload.seq)
    if value is None:
        return None
    return Quantity.estimated(
        value, "FLOP", low=value, high=value, note="per batch; products of the traced step"
    )


def holds_at(trace: Trace, workload: Workload) -> bool:
    """Whether the trace speaks about this batch and sequence."""
    return trace.point is None or trace.point == (workload.micro_batch, workload.seq)


def _rough_flops(value: int) -> Quantity:
    return Quantity.estimated(
        value, "FLOP", low=value / _FLOPS_SPREAD, high=value * _FLOPS_SPREAD, note="per batch; formula"
    )


def _memory(
    spec: ModelSpec, workload: Workload, device: Device, obtained: Obtained, context: dict[str, object]
) -> dict[str, Quantity]:
    if obtained.trace is None or not holds_at(obtained.trace, workload):
        return _memory_by_formula(spec, workload, device, context)
    needed = step.measure(obtained.trace, workload, device)
    context["instant"] = needed.instant
    least = needed.parts["weights"]

    def widened(quantity: Quantity, beside_bytes: int = 0) -> Quantity:
        return widen(quantity, obtained.differs, spec, workload, least_bytes=least + beside_bytes)

    allocated = widened(Quantity.estimated(
        needed.allocated_bytes, "B", low=needed.allocated_bytes * 0.98, high=needed.allocated_bytes * 1.02,
        note="tensors at the worst moment",
    ))  # fmt: skip
    process = widened(Quantity.estimated(
        needed.process_bytes, "B", low=min(needed.process_low_bytes, needed.process_bytes),
        high=max(needed.process_high_bytes, needed.process_bytes),
        note="tensors, what the allocator holds, libraries and context",
    ), needed.parts["context"])  # fmt: skip
    found = {"memory-allocated": _told("memory-allocated", allocated, device, workload)}
    if needed.reserved_bytes is not None:
        reserved = widened(Quantity.estimated(
            needed.reserved_bytes, "B", low=needed.allocated_bytes, high=needed.reserved_bytes * 1.05,
            note="held by CUDA's caching allocator",
        ))  # fmt: skip
        found["memory-reserved"] = _told("memory-reserved", reserved, device, workload)
    found["memory-process"] = found["memory"] = _told("memory-process", process, device, workload)
    parts = {name: size for name, size in needed.parts.items() if size}
    return found | _parts(parts, found["memory-process"])


def _parts(parts: dict[str, int], total: Quantity) -> dict[str, Quantity]:
    return {
        f"memory-{name}": Quantity.estimated(size, "B", low=0.0, high=max(total.high or 0.0, size))
        for name, size in parts.items()
    }


def _memory_by_formula(
    spec: ModelSpec, workload: Workload, device: Device, context: dict[str, object]
) -> dict[str, Quantity]:
    needed = closed_form.estimate(spec, workload, device)
    if needed is None:
        assumptions = context["assumptions"]
        if isinstance(assumptions, list):
            assumptions.append(f"no memory formula for {spec.kind} models of type {spec.model_type}")
        return {}
    low, value, high = needed.total.low or 0.0, needed.total.value, needed.total.high or needed.total.value
    libraries, spread = runtime.LIBRARIES_BYTES, runtime.LIBRARIES_SPREAD
    process = Quantity.estimated(
        value + libraries, "B", low=low + libraries * (1 - spread), high=high + libraries * (1 + spread),
        note="formula, not a trace; with the runtime's libraries",
    )  # fmt: skip
    parts = {name: size for name, size in needed.parts.items() if size}
    return {
        "memory-allocated": needed.total,
        "memory-process": process,
        "memory": process,
        **_parts(parts, process),
    }


def _told(
    quantity: str, predicted: Quantity, device: Device, workload: Workload, method: str = METHOD
) -> Quantity:
    """``predicted`` with the interval that past residuals of the same ``method`` give it."""
    low, high = predicted.low or 0.0, predicted.high or predicted.value
    group = Group.asked(quantity, device, workload, method=method)
    found = interval_for(group, predicted.value, low, high)
    note = "; ".join(part for part in (predicted.note, found.note) if part)
    return Quantity.estimated(found.value, predicted.unit, low=found.low, high=found.high, note=note)
