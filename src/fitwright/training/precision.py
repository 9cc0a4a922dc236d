"""Is bf16 fast on this machine? Measured in a fraction of a second, because data sheets do not tell."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

WORTH_IT = 1.5
"""bf16 is used where a matrix product is at least this much faster than in fp32."""


def bf16_speedup(device: torch.device, clock: Callable[[], float] = time.perf_counter) -> float:
    """fp32 time over bf16 time of one (1024, 512) × (512, 1024) product, median of 9."""
    import torch

    def median_s(dtype: torch.dtype) -> float:
        left_MK = torch.ones(1024, 512, device=device, dtype=dtype)
        right_NK = torch.ones(1024, 512, device=device, dtype=dtype)
        samples = []
        for _ in range(12):
            start = clock()
            float(torch.nn.functional.linear(left_MK, right_NK)[0, 0])
            samples.append(clock() - start)
        return statistics.median(samples[3:])

    return median_s(torch.float32) / median_s(torch.bfloat16)


def choose_precision(asked: str, device: torch.device) -> str:
    """``fp32`` or ``bf16``: as asked, or by the probe when asked for ``auto``."""
    if asked != "auto":
        return asked
    return "bf16" if bf16_speedup(device) >= WORTH_IT else "fp32"
