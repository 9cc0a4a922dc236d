"""What a latency or a memory figure is about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.spec.device import PRECISIONS

Mode = Literal["infer", "train"]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One batch of work.

    Attributes:
        mode: ``infer`` (one forward pass) or ``train`` (one optimiser step).
        batch: rows, at least 1.
        seq: tokens a row, at least 1.
        precision: of weights and matrix products.
    """

    mode: Mode = "infer"
    batch: int = 1
    seq: int = 128
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.mode not in ("infer", "train"):
            raise UsageError("unknown mode", got=self.mode, allowed="infer, train")
        for name, value in (("batch", self.batch), ("seq", self.seq)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1", got=value)
        if self.precision not in PRECISIONS:
            raise UsageError("unknown precision", got=self.precision, allowed=", ".join(PRECISIONS))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
