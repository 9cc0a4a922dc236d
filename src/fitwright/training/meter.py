"""What an epoch has added up to so far, and what that says about the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitwright.training.batches import Counts

if TYPE_CHECKING:
    import torch
    from torch import nn

_FEW = 0.05
SLOW_DATA = 0.15
"""Share of the time spent waiting for data from which it is said."""


@dataclass(kw_only=True)
class Meter:
    """Sums since the epoch began; plain numbers, saved with every checkpoint.

    Attributes:
        loss: sum over targets.
        targets, rows, tokens: trained on.
        places: tokens and padding that were computed.
        seconds: of training steps.
        data_s: of those, spent putting batches together.
    """

    loss: float = 0.0
    targets: int = 0
    rows: int = 0
    tokens: int = 0
    places: int = 0
    seconds: float = 0.0
    data_s: float = 0.0

    def add(self, counts: Counts, *, loss: float, places: int, seconds: float, data_s: float) -> None:
        """Add a step."""
        self.loss += loss * counts.targets
        self.targets += counts.targets
        self.rows += counts.rows
        self.tokens += counts.tokens
        self.places += places
        self.seconds += seconds
        self.data_s += data_s

    @property
    def mean_loss(self) -> float:
        return self.loss / max(1, self.targets)

    @property
    def tokens_per_s(self) -> float:
        """Real tokens a second."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def padding(self) -> float:
        """Share of what was computed that was padding."""
        return 1 - self.tokens / self.places if self.places else 0.0

    @property
    def data_share(self) -> float:
        """Share of the time that the model waited for data."""
        return self.data_s / self.seconds if self.seconds else 0.0

    def diagnosis(self) -> str | None:
        """What to mend where data is slow."""
        if self.data_share < SLOW_DATA:
            return None
        return (
            f"the model waited {self.data_share:.0%} of the time for data: put the files on a local disk, "
            "store images at the size that they are trained at, or give the process more cores"
        )


def flops_of_token(model: nn.Module) -> float:
    """Training FLOPs of one token: 6 for each weight of a matrix product, forward and backward.

    A frozen weight has no gradient of its own: 4, or 2 where nothing under it trains either. Source: Kaplan
    et al. 2020 (arXiv 2001.08361). Known error: attention scores are not counted, a few per cent at 128
    tokens; a head that reads one token of a row is counted for all.

    Returns:
        0 for unknown: more than a twentieth of the weights are used otherwise, as convolutions are.
    """
    from torch import nn

    counted: dict[int, float] = {}
    below, known, unknown = False, 0, 0
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        trains = any(p.requires_grad for p in own)
        unknown += sum(p.numel() for p in own if p.ndim > 2)
        if isinstance(module, nn.Linear | nn.RNNBase) or type(module).__name__ == "Conv1D":
            matrices = [p for p in own if p.ndim == 2]
            weights = sum(p.numel() for p in matrices)
            counted[id(matrices[0])] = weights * (6.0 if trains else 4.0 if below else 2.0)
            known += weights
        below = below or trains
    return 0.0 if unknown > _FEW * (known + unknown) else sum(counted.values())


def matrix_peak(precision: str, device: torch.device) -> float:
    """FLOP/s of the fastest of several products of 1024 × 1024 matrices; 0.2 s or so.

    In that precision or in fp32, whichever is faster: a processor without bf16 or fp16 units computes these
    slower than fp32.
    """
    import time

    import torch

    from fitwright.training.precision import computing

    best = float("inf")
    lower = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    for dtype in (torch.float32, lower) if lower else (torch.float32,):
        left, right = (torch.ones(1024, 1024, device=device, dtype=dtype) for _ in range(2))
        with computing("tf32" if precision == "tf32" else "fp32", device):
            for _ in range(6):
                started = time.perf_counter()
                float(torch.mm(left, right)[0, 0])
                best = min(best, time.perf_counter() - started)
    return 2 * 1024**3 / best


def memory_bytes(device: torch.device) -> int:
    """The most that this process has held: of the card, else of main memory; 0: unknown."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved())
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def temperature_c() -> float | None:
    """The hottest sensor of the processor, where the machine tells."""
    import psutil

    read = getattr(psutil, "sensors_temperatures", None)
    found = [sensor.current for sensors in (read() if read else {}).values() for sensor in sensors]
    return float(max(found)) if found else None
