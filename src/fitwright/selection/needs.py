"""What a model needs on a device, in the budget's names. The one place here that reads a sizing Record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.sizing.interface import estimate
from fitwright.sizing.lengths import longer_than_allowed
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

ROWS_OF_A_PRICE = 1_000_000
_SECONDS_OF_AN_HOUR = 3600.0
_MEMORY_NAMES = ("memory-process", "memory-reserved", "memory-allocated", "memory")
"""The first that the Record holds is what has to fit: the process before its tensors."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Predicted needs by the budget's names (``latency-p95``, ``memory`` …); what cannot be said is absent.

    Attributes:
        cost: seconds of one row; ``None`` where the latency is unknown.
        memory_kind: which of the Record's memories ``memory`` is.
        assumptions: what the estimate rests on or leaves out.
    """

    quantities: Mapping[str, Quantity]
    cost: Quantity | None
    memory_kind: str | None
    assumptions: tuple[str, ...]

    def get(self, name: str) -> Quantity | None:
        return self.quantities.get(name)

    def as_json(self) -> dict[str, Any]:
        """Every need by name; what is unknown is ``null``."""
        names = ("latency-p95", "throughput", "memory", "size", "training-memory", "price")
        found = {name: self.quantities.get(name) for name in names}
        return {name: None if value is None else value.as_json() for name, value in found.items()}


def needs_of(
    spec: ModelSpec,
    *,
    workload: Workload,
    device: Device,
    training: Workload | None = None,
    price_per_hour_usd: float | None = None,
) -> Needs:
    """What ``spec`` needs for ``workload``, and for one step of ``training``, on ``device``.

    The latency estimate is of one batch; it stands for p50 and p95 alike, because an estimate has no tail.
    Throughput is rows ÷ latency of one copy of the model; price is USD for a million rows at a full device:
    1e6 × latency ÷ batch ÷ 3600 × price of an hour.
    """
    record = estimate(spec, workload, device, trace_now=False)
    found: dict[str, Quantity] = {}
    latency, cost = record.get("latency"), None
    if latency is not None:
        found["latency-p50"] = found["latency-p95"] = latency
        found["throughput"] = _inverse(latency, workload.batch)
        cost = _scaled(latency, 1 / workload.batch, "s", "seconds of one row")
        if price_per_hour_usd is not None:
            per_row = price_per_hour_usd / _SECONDS_OF_AN_HOUR * ROWS_OF_A_PRICE
            found["price"] = _scaled(cost, per_row, "USD", "a million rows at a full device")
    memory_kind, memory = _memory(record)
    if memory is not None:
        found["memory"] = memory
    if (size := record.get("size")) is not None:
        found["size"] = size
    if training is not None:
        step = _memory(estimate(spec, training, device, trace_now=False))[1]
        if step is not None:
            found["training-memory"] = step
    assumptions = tuple(str(line) for line in record.context.get("assumptions", ()))
    return Needs(quantities=found, cost=cost, memory_kind=memory_kind, assumptions=assumptions)


def too_short_for(spec: ModelSpec, workload: Workload) -> int | None:
    """The model's longest input where the workload's rows are longer; ``None`` where they fit."""
    return spec.max_sequence_length if longer_than_allowed(spec, workload) else None


def _memory(record: Record) -> tuple[str | None, Quantity | None]:
    name = next((name for name in _MEMORY_NAMES if record.get(name) is not None), None)
    return name, None if name is None else record.get(name)


def bounds(quantity: Quantity) -> tuple[float, float]:
    """The ends of its interval; an exact value is both."""
    low = quantity.value if quantity.low is None else quantity.low
    high = quantity.value if quantity.high is None else quantity.high
    return low, high


def _scaled(quantity: Quantity, factor: float, unit: Any, note: str) -> Quantity:
    low, high = bounds(quantity)
    return Quantity.estimated(quantity.value * factor, unit, low=low * factor, high=high * factor, note=note)


def _inverse(latency: Quantity, rows: int) -> Quantity:
    low, high = bounds(latency)
    return Quantity.estimated(
        rows / latency.value, "1/s", low=rows / high, high=rows / low, note="one copy, batch after batch"
    )  # fmt: skip
