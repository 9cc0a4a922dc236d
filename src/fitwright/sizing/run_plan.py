"""A whole training run of one model on devices of one kind, and whether a claim about it can be true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.sizing.parameters import count
from fitwright.sizing.training_run import RunCost, TrainingRun, Verdict, cost, judge
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a run is asked to be; ``None`` is left to the device's data sheet or to assumption.

    Attributes:
        tokens: seen in the whole run. devices: how many.
        utilisation: share of the peak that is reached.
        usd_per_device_hour, usd_per_kwh, pue: prices, and what the building draws for each watt.
        claimed_days: a claim to be judged: so many days on ``devices``.
    """

    tokens: float
    devices: int = 1
    utilisation: float | None = None
    usd_per_device_hour: float | None = None
    usd_per_kwh: float | None = None
    pue: float = 1.0
    claimed_days: float | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("tokens", self.tokens), ("devices", self.devices), ("utilisation", self.utilisation),
            ("price-per-hour", self.usd_per_device_hour), ("price-per-kwh", self.usd_per_kwh),
            ("claim-days", self.claimed_days),
        ):  # fmt: skip
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} must be positive and finite", got=value)
        if not 1 <= self.pue < math.inf:
            raise UsageError("pue must be at least 1 and finite", got=self.pue)


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Time, energy and money of the run; ``claim``: how the claim fares, where there was one."""

    plan: RunPlan
    cost: RunCost
    claim: Verdict | None

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is ``null``."""
        return {
            "tokens": self.plan.tokens,
            "devices": self.plan.devices,
            **self.cost.as_json(),
            "claim": None if self.claim is None else {**self.claim._asdict(), "days": self.plan.claimed_days},
        }


def plan_run(spec: ModelSpec, workload: Workload, device: Device, plan: RunPlan) -> PlannedRun:
    """Price ``plan`` for ``spec`` on ``device`` at the workload's precision.

    Decoders whose sizes are known go by Megatron's formula (arXiv:2104.04473), the rest by six FLOPs for each
    parameter and token; checkpointing adds a third.

    Raises:
        UsageError: the device's peak at the precision is unknown, or a number is out of range.
    """
    peak = device.peak_flops.get(workload.precision)
    if peak is None:
        raise UsageError(
            f"the peak of {device.name} at this precision is unknown, so a run cannot be priced",
            got=workload.precision,
            allowed=", ".join(device.peak_flops) or "none is known",
        )
    parts = count(spec)
    active = parts.total if parts.active is None else parts.active.value
    dims = spec.dims
    shape: dict[str, int] = {}
    if spec.kind == "decoder" and parts.active is None and {"layers", "hidden", "vocab"} <= set(dims):
        shape = {
            "layers": dims["layers"],
            "hidden": dims["hidden"],
            "seq": workload.seq,
            "vocabulary": dims["vocab"],
        }
    if dims.get("ffn", 4 * dims.get("hidden", 0)) != 4 * dims.get("hidden", 0):
        shape = {}  # the formula is written for a feed-forward four times as wide
    run = TrainingRun(
        parameters=active,
        tokens=plan.tokens,
        devices=plan.devices,
        peak_flops=peak,
        utilisation=plan.utilisation,
        recomputed=workload.checkpointing,
        power_w=device.power_w,
        pue=plan.pue,
        usd_per_device_hour=plan.usd_per_device_hour,
        usd_per_kwh=plan.usd_per_kwh,
        **shape,
    )
    claim = None if plan.claimed_days is None else judge(run, devices=plan.devices, days=plan.claimed_days)
    return PlannedRun(plan=plan, cost=cost(run), claim=claim)
