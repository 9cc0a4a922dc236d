"""Drop the models that surely miss a budget; keep every one that might meet it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.core.units import format_bytes, format_rate, format_seconds
from fitwright.sizing.compressed import predict_variant
from fitwright.sizing.interface import estimate
from fitwright.sizing.lengths import longer_than_allowed
from fitwright.spec.budget import Budget, Constraint
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

CLASSIFIERS = frozenset({
    "albert", "bert", "big_bird", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "fnet", "gte",
    "longformer", "mobilebert", "modernbert", "mpnet", "nomic_bert", "rembert", "roberta", "squeezebert",
    "xlm-roberta", "xlnet",
})  # fmt: skip
"""Encoder types for which transformers 5.18 has a sequence-classification class."""

_DEVICE_MEMORY = "device memory"


@dataclass(frozen=True, kw_only=True)
class Shrinking:
    """How far compression may go: a candidate counts by its smallest variant."""

    layers: int
    precision: str = "int8"
    engine: str = "onnxruntime"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A model that may meet the budget. ``estimate``: of the variant it was judged by."""

    spec: ModelSpec
    estimate: Record


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A model that surely does not do.

    Attributes:
        constraint: ``task``, ``sequence``, ``device memory`` or the budget's own name for it.
        reason: one line, with the figures.
        excess: how far over the limit even the optimistic end is, as a fraction of it; ``None`` where the
            constraint is no number.
    """

    spec: ModelSpec
    constraint: str
    reason: str
    excess: float | None = None


def filter_candidates(
    specs: Iterable[ModelSpec],
    *,
    budget: Budget,
    workload: Workload,
    device: Device,
    source: Record | None = None,
    task: str = "text-classification",
    shrinking: Shrinking | None = None,
    training: Workload | None = None,
) -> tuple[list[Kept], list[Rejected]]:
    """Split ``specs`` into those that may meet ``budget`` and those that surely do not, orders kept.

    A model is rejected only where the favourable end of its predicted interval misses: predictions never
    throw out what a measurement could have shown to fit. Quality is not predicted, so ``max-drop`` rejects
    nothing.

    Args:
        workload: the batch and tokens that the budget's latency is about.
        source: figures that relative constraints refer to; without it they reject nothing.
        shrinking: judge each model by its smallest variant rather than whole.
        training: the fine-tuning step; a model whose step surely exceeds the device's memory is rejected.
    """
    if task != "text-classification":
        raise UsageError("no candidates for this task yet", got=task, allowed="text-classification")
    limits = _limits(budget, source)
    kept: list[Kept] = []
    rejected: list[Rejected] = []
    for spec in specs:
        verdict = _judge(spec, limits, workload, device, shrinking, training)
        if isinstance(verdict, Kept):
            kept.append(verdict)
        else:
            rejected.append(verdict)
    return kept, rejected


def _judge(
    spec: ModelSpec, limits: list[tuple[Constraint, float]], workload: Workload, device: Device,
    shrinking: Shrinking | None, training: Workload | None,
) -> Kept | Rejected:  # fmt: skip
    if spec.kind != "encoder" or spec.model_type not in CLASSIFIERS:
        reason = f"{spec.kind} of type {spec.model_type}: no sequence-classification class for an encoder"
        return Rejected(spec=spec, constraint="task", reason=reason)
    too_long = longer_than_allowed(spec, workload)
    if too_long:
        return Rejected(spec=spec, constraint="sequence", reason=too_long)
    predicted = _predict(spec, workload, device, shrinking)
    for constraint, target in limits:
        missed = _missed(spec, constraint, target, predicted)
        if missed is not None:
            return missed
    return _trainable(spec, device, training) or Kept(spec=spec, estimate=predicted)


def _limits(budget: Budget, source: Record | None) -> list[tuple[Constraint, float]]:
    """Constraints with their SI target; relative ones only where the source's figure is known."""
    found: list[tuple[Constraint, float]] = []
    for constraint in budget.constraints:
        reference = 1.0
        if constraint.relative:
            known = None if source is None else source.value(constraint.name)
            if known is None:
                continue
            reference = known
        found.append((constraint, constraint.value * reference))
    return found


def _predict(spec: ModelSpec, workload: Workload, device: Device, shrinking: Shrinking | None) -> Record:
    if shrinking is None:
        return estimate(spec, workload, device, trace_now=False)
    return predict_variant(
        spec, layers=min(shrinking.layers, spec.layers or 1), precision=shrinking.precision,
        workload=workload, device=device, engine=shrinking.engine,
    )  # fmt: skip


def _quantity(name: str, predicted: Record) -> Quantity | None:
    found = predicted.get(name)
    if found is None and name.startswith("latency"):
        return predicted.get("latency")
    if found is None and name == "throughput" and (seconds := predicted.get("latency")) is not None:
        rows = predicted.context["batch"]
        low, high = seconds.low or seconds.value, seconds.high or seconds.value
        return Quantity.estimated(rows / seconds.value, "1/s", low=rows / high, high=rows / low)
    return found


def _missed(spec: ModelSpec, constraint: Constraint, target: float, predicted: Record) -> Rejected | None:
    found = _quantity(constraint.name, predicted)
    if found is None:
        return None
    best = found.low if constraint.at_most else found.high
    best = found.value if best is None else best
    excess = (best - target) / target if constraint.at_most else (target - best) / target
    if excess <= 0:
        return None
    if constraint.at_most:
        least, limit, side = "at least", "at most", "over"
    else:
        least, limit, side = "at most", "at least", "short"
    reason = (
        f"{constraint.name} {least} {_shown(best, constraint.unit)} predicted, "
        f"{limit} {_shown(target, constraint.unit)} asked: {excess:.0%} {side}"
    )
    return Rejected(spec=spec, constraint=constraint.name, reason=reason, excess=excess)


def _trainable(spec: ModelSpec, device: Device, training: Workload | None) -> Rejected | None:
    """A rejection where not even the optimistic end of a training step fits the device."""
    if training is None or device.memory_bytes is None:
        return None
    needed = estimate(spec, training, device, trace_now=False).get("memory")
    if needed is None or needed.low is None or needed.low <= device.memory_bytes:
        return None
    excess = needed.low / device.memory_bytes - 1
    reason = (
        f"training needs at least {format_bytes(needed.low)}, "
        f"{device.name} has {format_bytes(device.memory_bytes)}: {excess:.0%} over"
    )
    return Rejected(spec=spec, constraint=_DEVICE_MEMORY, reason=reason, excess=excess)


def _shown(value: float, unit: str) -> str:
    formats = {"B": format_bytes, "s": format_seconds, "1/s": format_rate}
    return formats[unit](value) if unit in formats else f"{value:g}"
