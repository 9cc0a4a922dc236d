"""What a process needs besides its tensors: libraries, CUDA context, workspaces. Assumed until profiled."""

from __future__ import annotations

from fitwright.spec.device import Device

LIBRARIES_BYTES = 505_000_000
"""Resident after importing torch 2.13 (CPU build) and a model class of transformers 5.18, on Linux: measured
504–506 MB on Python 3.11. Known error: 20 %, with what else the program imports."""

LIBRARIES_SPREAD = 0.2

CONTEXT_BYTES = (430_000_000, 290_000_000, 670_000_000)
"""CUDA context (value, low, high): by driver, card and the kernels loaded. Assumed until profiled."""

_WORKSPACE_BYTES = 8_519_680
_HOPPER_WORKSPACE_BYTES = 32 * 2**20
_HOPPER = (9, 0)


def workspace_bytes(device: Device) -> int:
    """cuBLAS workspace that torch allocates on first use.

    4,096 KiB twice and 16 KiB eight times; 32 MiB from Hopper on.

    Source: torch's ``CUBLAS_WORKSPACE_CONFIG`` default (torch 2.13 CUDA notes). 0 on a CPU.
    """
    if device.kind == "cpu":
        return 0
    if device.compute_capability is not None and device.compute_capability >= _HOPPER:
        return _HOPPER_WORKSPACE_BYTES
    return _WORKSPACE_BYTES
