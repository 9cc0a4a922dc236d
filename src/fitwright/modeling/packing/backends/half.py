"""What the kernels that compute in bf16 and fp16 alone have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    import torch

    from fitwright.modeling.packing.backends.interface import Call, Machine

OLDEST = (8, 0)
"""Compute capability from which there are such kernels: A100 and later."""

WIDEST_HEAD, HEAD_MULTIPLE = 256, 8


def machine_refusal(machine: Machine) -> str | None:
    """Why such a kernel cannot run on that machine; ``None`` where it can."""
    import torch

    if machine.device.type != "cuda":
        return f"it needs a CUDA card, and this run computes on {machine.device.type}"
    if machine.precision not in ("bf16", "fp16"):
        return f"it computes in bf16 and fp16 alone, and this run in {machine.precision}"
    found = torch.cuda.get_device_capability(machine.device)
    if found < OLDEST:
        return f"it needs compute capability 8.0 or more, and this card has {found[0]}.{found[1]}"
    return None


def check_call(call: Call, name: str) -> None:
    """Refuse what these kernels do not compute.

    Raises:
        UsageError: that.
    """
    width = call.query.shape[-1]
    if call.bias is not None:
        raise UsageError(f"{name} attention knows no bias by relative position, which this model has")
    if call.mask.is_local:
        raise UsageError(f"{name} attention knows no window that leaves the first token out", got="a window")
    if width > WIDEST_HEAD or width % HEAD_MULTIPLE:
        raise UsageError(
            f"{name} attention takes heads up to {WIDEST_HEAD} wide, in steps of {HEAD_MULTIPLE}", got=width
        )


def lowered(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The tensors in autocast's type, where it is on: it does not know these functions by itself."""
    import torch

    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(tensor.to(dtype) for tensor in tensors)
