"""Seconds of one batch, from the best that is known: a measured device, its data sheet, else formulas."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fitwright.core.errors import FitwrightError
from fitwright.sizing.flops import forward
from fitwright.sizing.latency import closed_form, roofline
from fitwright.sizing.memory.optimisers import needs_of
from fitwright.sizing.pricing.page_faults import step_faulted_bytes
from fitwright.sizing.pricing.price import price_optimiser, price_step
from fitwright.sizing.pricing.profile import Profile, device_key, folder, path_of
from fitwright.sizing.trace.program import Op, Trace
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

_FP32_BYTES = 4
_PASSES_OVER_STATES = 2


PROFILED, DATA_SHEET, FORMULA = "profile", "roofline", "formula"


class Latency(NamedTuple):
    """Seconds of one batch, and how they were come by: ``profile``, ``roofline`` or ``formula``."""

    seconds: Quantity
    method: str


def estimate(
    spec: ModelSpec, workload: Workload, device: Device, trace: Trace | None, assumptions: list[str]
) -> Latency | None:
    """Seconds of ``workload`` on ``device``; ``None`` and a line in ``assumptions`` if nothing can be said.

    Args:
        trace: of the workload's step; ``None``: formulas.
    """
    if trace is None or (trace.point is not None and trace.point != (workload.micro_batch, workload.seq)):
        rough = closed_form.estimate(spec, workload, device)
        if rough is None:
            assumptions.append(_why_unknown(spec, workload, device))
        return None if rough is None else Latency(rough, FORMULA)
    ops = operators(trace, workload)
    priced = _profiled(ops, trace, workload, device)
    if priced is not None:
        return Latency(priced, PROFILED)
    moved = optimiser_bytes(trace, workload, device)
    found = roofline.price(ops, device, workload.precision, extra_bytes=moved)
    if found is None:
        assumptions.append(f"the peak of {device.name} at {workload.precision} is unknown, so latency is too")
        return None
    if device.kind == "cpu":
        assumptions.append(
            "latency is from the data sheet: 'fitwright profile' measures this machine in two minutes"
        )
    return Latency(found, DATA_SHEET)


def operators(trace: Trace, workload: Workload) -> list[Op]:
    """Every operator of the workload's passes; with accumulation each as often as there are micro-batches."""
    ops = trace.ops_at(workload.micro_batch, workload.seq)
    if workload.accumulation == 1:
        return ops
    return [op._replace(count=op.count * workload.accumulation) for op in ops]


def optimiser_bytes(trace: Trace, workload: Workload, device: Device) -> int:
    """Bytes that the optimiser's step moves: weights, gradients, states read; weights, states written."""
    if workload.mode != "train":
        return 0
    trained = trace.trained or trace.parameters
    values = sum(_elements(shape) * count for shape, count in trained)
    states = needs_of(
        workload.optimiser, trained, value_bytes=_FP32_BYTES, gpu=device.kind != "cpu"
    ).state_bytes
    return 3 * _FP32_BYTES * values + _PASSES_OVER_STATES * states


def _elements(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _profiled(ops: list[Op], trace: Trace, workload: Workload, device: Device) -> Quantity | None:
    """The price on this machine's profile; ``None`` where the device or the precision was not profiled."""
    profile = profile_of(device)
    if profile is None:
        return None
    training = workload.mode == "train"
    precision = "fp32" if training and workload.is_autocast else workload.precision
    try:
        price = price_step(
            ops,
            trace.modules * workload.accumulation,
            profile,
            "torch",
            precision,
            mode=workload.mode,
            faulted_bytes=workload.accumulation
            * step_faulted_bytes(trace, workload.micro_batch, workload.seq),
        )
        more_s = (
            price_optimiser(trace.trained or trace.parameters, profile, workload.optimiser)
            if training
            else 0.0
        )
    except FitwrightError:
        return None
    return Quantity.estimated(
        price.seconds + more_s,
        "s",
        low=price.low + more_s,
        high=price.high + more_s,
        note=f"operators priced on the profile of {profile.made_at[:10]}",
    )


def profile_of(device: Device) -> Profile | None:
    """The stored profile of this very device, or ``None``. Data-sheet devices have none."""
    if device.kind != "cpu" or device.id is not None or not folder().is_dir():
        return None
    path = path_of(_key())
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (FitwrightError, OSError):
        return None


@lru_cache(maxsize=1)
def _key() -> str:
    return device_key()


@lru_cache(maxsize=2)
def _read(path: Path, changed_ns: int) -> Profile:  # noqa: ARG001  # the argument is the file's state
    return Profile.load(path)


def _why_unknown(spec: ModelSpec, workload: Workload, device: Device) -> str:
    if forward(spec, workload) is None:
        return f"no latency formula for {spec.kind} models of type {spec.model_type}"
    return f"the peak of {device.name} at {workload.precision} is unknown, so latency is too"
