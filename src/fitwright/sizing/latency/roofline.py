"""Seconds of traced operators on a device of which only the data sheet is known. Wide on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitwright.sizing.latency.closed_form import SPREAD, UTILISATION
from fitwright.sizing.trace.program import Op
from fitwright.sizing.trace.work import flops
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity

ISSUE_S: Mapping[str, float] = {"cpu": 8e-6, "gpu": 6e-6, "npu": 6e-6}
"""Seconds to issue one operator from Python, whatever its size: assumed; about what eager torch takes."""

_BANDWIDTH_SHARE = 0.7
_PRODUCTS = ("matmul", "attention", "attention_backward", "convolution", "convolution_backward")


def price(ops: Sequence[Op], device: Device, precision: str, *, extra_bytes: int = 0) -> Quantity | None:
    """Each operator takes the longest of its arithmetic, its traffic and its issue; they run in a row.

    Source: the roofline model (Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785). Products run
    at an assumed share of the data sheet's peak at ``precision``, the rest at 70 % of its bandwidth; without
    a known one, traffic is left out.

    Args:
        extra_bytes: moved besides, such as the optimiser's step.

    Returns:
        ``None`` where the device's peak at this precision is unknown.
    """
    peak = device.peak_flops.get(precision)
    if peak is None:
        return None
    used = peak * UTILISATION[device.kind][precision]
    bandwidth = device.bandwidth_bytes_per_s
    total = 0.0
    for op in ops:
        arithmetic = flops([op._replace(count=1)]) / used if op.family in _PRODUCTS else 0.0
        moved = (
            0.0 if bandwidth is None else (op.read_bytes + op.written_bytes) / (bandwidth * _BANDWIDTH_SHARE)
        )
        total += op.count * max(arithmetic, moved, ISSUE_S[device.kind])
    if bandwidth is not None:
        total += extra_bytes / (bandwidth * _BANDWIDTH_SHARE)
    note = "from data-sheet peaks and assumed utilisation: an order of magnitude until measured"
    if bandwidth is None:
        note += "; memory bandwidth unknown, so not counted"
    return Quantity.estimated(total, "s", low=total / SPREAD, high=total * SPREAD, note=note)
