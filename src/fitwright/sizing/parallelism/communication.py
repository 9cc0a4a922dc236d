"""Bytes that collective operations send, the links that carry them, and the time that takes."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity

EFFICIENCY = (0.5, 0.8, 0.95)
"""Share of a link's bandwidth that large collectives reach: lowest, usual, highest. On H100s, 350 to 360
of 450 GB/s are reported (https://github.com/NVIDIA/nccl/issues/1281).
"""


class Link(NamedTuple):
    """A way between devices: bytes a second in one direction for one device, and where that was read."""

    name: str
    bytes_per_s: float
    source: str


_A100 = "https://www.nvidia.com/en-us/data-center/a100/ (both directions together: half of it here)"
_H100 = "https://www.nvidia.com/en-us/data-center/h100/ (both directions together: half of it here)"
_B200 = "https://www.nvidia.com/en-us/data-center/nvlink/ (both directions together: half of it here)"
_WIRE = "the line rate that its name states, divided by 8"
LINKS = {
    link.name: link
    for link in (
        Link("nvlink3", 300e9, _A100),
        Link("nvlink4", 450e9, _H100),
        Link("nvlink5", 900e9, _B200),
        Link("pcie4-x16", 32e9, _A100),
        Link("pcie5-x16", 64e9, _H100),
        Link("infiniband-200", 25e9, _WIRE),
        Link("infiniband-400", 50e9, _WIRE),
        Link("ethernet-10", 1.25e9, _WIRE),
        Link("ethernet-25", 3.125e9, _WIRE),
        Link("ethernet-100", 12.5e9, _WIRE),
    )
}


def link(name: str) -> Link:
    """The link of that name.

    Raises:
        UsageError: there is none.
    """
    if name in LINKS:
        return LINKS[name]
    near = difflib.get_close_matches(name.lower(), LINKS, n=1)
    raise UsageError(
        "unknown interconnect",
        got=name,
        allowed=", ".join(LINKS),
        mend=f"Did you mean {near[0]}?" if near else "Or give its bandwidth in bytes per second.",
    )


def check_degree(name: str, degree: int) -> None:
    """Raise UsageError unless ``degree`` devices are at least one."""
    if degree < 1:
        raise UsageError(f"{name} must be at least 1", got=degree)


def all_reduce_bytes(payload_bytes: float, degree: int) -> int:
    """Bytes that each of ``degree`` devices sends to sum ``payload_bytes``: 2·(N−1)/N of them.

    Source: https://github.com/NVIDIA/nccl-tests/blob/master/doc/PERFORMANCE.md; the least that any algorithm
    without reduction in the network can do.
    """
    return round(2 * (degree - 1) / degree * payload_bytes)


def gather_bytes(payload_bytes: float, degree: int) -> int:
    """Bytes each device sends in an all-gather or reduce-scatter of ``payload_bytes``: (N−1)/N of them."""
    return round((degree - 1) / degree * payload_bytes)


def transfer_time(sent_bytes: float, bytes_per_s: float) -> Quantity:
    """Seconds to send ``sent_bytes`` at a link's bandwidth in one direction.

    Known error: the share of the bandwidth reached is assumed (:data:`EFFICIENCY`), the start-up of each
    operation (tens of microseconds) left out; what overlaps with computation costs nothing, so the step may
    hide all of it.

    Raises:
        UsageError: the bandwidth is not positive.
    """
    if bytes_per_s <= 0:
        raise UsageError("bandwidth must be positive", got=bytes_per_s, allowed="bytes per second")
    lowest, usual, highest = EFFICIENCY
    ideal_s = sent_bytes / bytes_per_s
    return Quantity.estimated(
        ideal_s / usual,
        "s",
        low=ideal_s / highest,
        high=ideal_s / lowest,
        note=f"{usual:.0%} of the link assumed, from {lowest:.0%} to {highest:.0%}; not overlapped",
    )
