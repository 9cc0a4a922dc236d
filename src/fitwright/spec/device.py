"""The hardware that a prediction or a measurement is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fitwright.core.errors import UsageError

Precision = Literal["fp32", "tf32", "bf16", "fp16", "int8", "int4"]
PRECISIONS: tuple[str, ...] = ("fp32", "tf32", "bf16", "fp16", "int8", "int4")
BYTES_PER_VALUE: Mapping[str, float] = {
    "fp32": 4, "tf32": 4, "bf16": 2, "fp16": 2, "int8": 1, "int4": 0.5,
}  # fmt: skip

_CUDA_SINCE: Mapping[str, tuple[int, int]] = {
    "fp16": (7, 0), "int8": (7, 2), "bf16": (8, 0), "tf32": (8, 0),
}  # fmt: skip
_INSTRUCTIONS: Mapping[str, frozenset[str]] = {
    "bf16": frozenset({"amx_bf16", "avx512_bf16", "bf16"}),
    "fp16": frozenset({"amx_fp16", "avx512_fp16", "fp16"}),
    "int8": frozenset({"amx_int8", "avx512_vnni", "avx_vnni", "dotprod", "i8mm"}),
    "tf32": frozenset(),
    "int4": frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device. ``None`` is unknown, everywhere.

    Attributes:
        name: as its maker or its driver calls it.
        kind: ``cpu``, ``gpu`` or ``npu``.
        id: its short name in the device list; ``None`` for one that is in no list.
        cores: CPU cores that work is spread over (threads); streaming multiprocessors are not counted.
        memory_bytes: what the driver, or for a CPU the system and its container, give in total. On CUDA 0.4
            to 1.6 % of it is the driver's own and cannot be allocated.
        peak_flops: FLOP/s by precision, without sparsity, one multiply-add = 2 FLOPs; a missing precision is
            unknown. ``fp32`` is without tensor cores; fp16 and bf16 accumulate in fp32.
        bandwidth_bytes_per_s: memory bandwidth.
        power_w: the most it draws for long (TDP, board power or the limit that is set).
        compute_capability: of NVIDIA devices, as ``(8, 0)``.
        interconnect_bytes_per_s: to its neighbours in the same machine, all links together, one way.
        instructions: of CPUs, those that matter for matrix products.
        sources: where each value was read or measured, by attribute; ``peak_flops.bf16`` overrides
            ``peak_flops``.
    """

    name: str
    kind: Literal["cpu", "gpu", "npu"]
    id: str | None = None
    cores: int = 1
    memory_bytes: int | None = None
    peak_flops: Mapping[str, float] = field(default_factory=dict)
    bandwidth_bytes_per_s: float | None = None
    power_w: float | None = None
    compute_capability: tuple[int, int] | None = None
    interconnect_bytes_per_s: float | None = None
    instructions: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.peak_flops) - set(PRECISIONS)
        if unknown:
            raise UsageError("unknown precision", got=sorted(unknown), allowed=", ".join(PRECISIONS))
        numbers = {
            "cores": self.cores, "memory_bytes": self.memory_bytes, "power_w": self.power_w,
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
            "interconnect_bytes_per_s": self.interconnect_bytes_per_s,
            **{f"peak_flops[{precision}]": value for precision, value in self.peak_flops.items()},
        }  # fmt: skip
        for name, value in numbers.items():
            if value is not None and not value > 0:
                raise UsageError(f"a device's {name} is not positive", got=value, allowed="more than 0")

    def has_units_for(self, precision: str) -> bool | None:
        """Whether matrix products at ``precision`` run on hardware made for it; ``None``: unknown.

        A device without it may still run them, slower or by way of fp32. CPU: by instruction set. GPU and
        NPU: a known peak says yes; else, on NVIDIA, the compute capability decides (CUDA C++ Programming
        Guide, "Compute Capabilities": fp16 from 7.0, int8 from 7.2, bf16 and tf32 from 8.0; int4 was taken
        out again, so it has no rule).
        """
        if precision == "fp32":
            return True
        if self.kind == "cpu":
            known = bool(self.instructions)
            return bool(_INSTRUCTIONS[precision] & set(self.instructions)) if known else None
        if precision in self.peak_flops:
            return True
        if self.compute_capability is not None and precision in _CUDA_SINCE:
            return self.compute_capability >= _CUDA_SINCE[precision]
        return None

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is ``null``."""
        capability = self.compute_capability
        return {
            "name": self.name, "kind": self.kind, "id": self.id, "cores": self.cores,
            "memory_bytes": self.memory_bytes, "peak_flops": dict(self.peak_flops),
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s, "power_w": self.power_w,
            "compute_capability": None if capability is None else f"{capability[0]}.{capability[1]}",
            "interconnect_bytes_per_s": self.interconnect_bytes_per_s,
            "instructions": list(self.instructions), "sources": dict(self.sources),
        }  # fmt: skip


def parse_capability(text: str | None) -> tuple[int, int] | None:
    """``"8.6"`` → ``(8, 6)``; anything else is unknown: ``None``."""
    major, _, minor = (text or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
