"""Whether a workload fits, judged by the upper end of its interval."""

from __future__ import annotations

from typing import Literal

from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity

Verdict = Literal["fits", "tight", "does not fit", "unknown"]

FREE_SHARE = 0.95
"""Up to this share of the device's memory the upper end fits: drivers and neighbours take some."""


def judge(process: Quantity | None, device: Device) -> Verdict:
    """``fits``: the upper end stays below 95 % of the device's memory; ``tight``: the expected value fits the
    device but the upper end does not; ``does not fit``: not even the expected value does."""
    if process is None or device.memory_bytes is None:
        return "unknown"
    high = process.value if process.high is None else process.high
    if high <= FREE_SHARE * device.memory_bytes:
        return "fits"
    return "tight" if process.value <= device.memory_bytes else "does not fit"
