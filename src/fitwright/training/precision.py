"""In which numbers a run computes: fp32, tf32, bf16, or fp16 with a scaled loss.

Weights, gradients and optimiser moments stay fp32; matrix products run in the lower precision under torch's
autocast, which keeps norms, softmax and losses in fp32.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    import torch

WORTH_IT = 1.5
"""bf16 is used where a matrix product is at least this much faster than in fp32."""

FIRST_SCALE = 2.0**16
"""Of the loss in fp16: as torch's own."""


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
    """As asked, or ``fp32`` or ``bf16`` by the probe when asked for ``auto``.

    Raises:
        UsageError: ``tf32`` where there is no such unit.
    """
    import torch

    if asked == "tf32" and (device.type != "cuda" or torch.cuda.get_device_capability() < (8, 0)):
        raise UsageError(
            "tf32 needs a CUDA card of compute capability 8.0 or more", got=device.type,
            mend="Use --precision fp32 or auto.",
        )  # fmt: skip
    if asked != "auto":
        return asked
    return "bf16" if bf16_speedup(device) >= WORTH_IT else "fp32"


@contextlib.contextmanager
def computing(precision: str, device: torch.device) -> Iterator[None]:
    """Inside the block matrix products run in that precision."""
    import torch

    lower = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    matmul: Any = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = precision == "tf32"
    try:
        with torch.autocast(device.type, dtype=lower or torch.bfloat16, enabled=lower is not None):
            yield
    finally:
        matmul.allow_tf32 = before


class LossScaler:
    """fp16's smallest number is 6e-8: gradients are computed of a loss that is scaled up, then scaled down.

    torch's ``GradScaler`` with its state as plain numbers. In other precisions it does nothing.
    """

    def __init__(self, precision: str, device: torch.device) -> None:
        import torch

        self.scaler = torch.amp.GradScaler(device.type, init_scale=FIRST_SCALE, enabled=precision == "fp16")

    @property
    def enabled(self) -> bool:
        """Whether losses are scaled."""
        return bool(self.scaler.is_enabled())

    def backward(self, loss: torch.Tensor) -> None:
        """Add the scaled loss's gradients."""
        self.scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Update the weights unless a gradient overflowed; whether they were. Call ``unscale`` first."""
        before = self.scaler.get_scale()
        self.scaler.step(optimizer)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the gradients by the scale."""
        self.scaler.unscale_(optimizer)

    @property
    def scale(self) -> float:
        """The present scale."""
        return float(self.scaler.get_scale())

    @property
    def state(self) -> dict[str, Any]:
        """All it knows, for a checkpoint."""
        return dict(self.scaler.state_dict())

    def load(self, state: dict[str, Any]) -> None:
        """Be what ``state`` says."""
        if state:
            self.scaler.load_state_dict(state)
