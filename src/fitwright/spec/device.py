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


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device.

    Attributes:
        name: as its maker calls it.
        kind: ``cpu``, ``gpu`` or ``npu``.
        cores: CPU cores that work is spread over (threads); streaming multiprocessors are not counted.
        memory_bytes: usable memory; ``None`` where unknown.
        peak_flops: FLOP/s by precision, one multiply-add = 2 FLOPs; a missing precision is unknown.
        bandwidth_bytes_per_s: memory bandwidth; ``None`` where unknown.
        sources: where each value was read or measured.
    """

    name: str
    kind: Literal["cpu", "gpu", "npu"]
    cores: int = 1
    memory_bytes: int | None = None
    peak_flops: Mapping[str, float] = field(default_factory=dict)
    bandwidth_bytes_per_s: float | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.peak_flops) - set(PRECISIONS)
        if unknown:
            raise UsageError("unknown precision", got=sorted(unknown), allowed=", ".join(PRECISIONS))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind, "cores": self.cores,
            "memory_bytes": self.memory_bytes, "peak_flops": dict(self.peak_flops),
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s, "sources": dict(self.sources),
        }  # fmt: skip
