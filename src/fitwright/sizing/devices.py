"""Devices to predict for: this machine's CPU, or one of a short list with data-sheet values."""

from __future__ import annotations

import json
import platform
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.provenance import (
    physical_memory_bytes,
    processor_flags,
    processor_name,
    usable_cores,
)
from fitwright.spec.device import Device

_DATA = Path(__file__).with_name("data") / "devices.json"
_FLOPS_PER_CYCLE_SOURCE = "multiply-add units and vector width of the instruction set, two units assumed"
_CPUINFO = Path("/proc/cpuinfo")


def find(name: str | None) -> Device:
    """The device called ``name`` (case, spaces, hyphens ignored); ``None`` or ``cpu``: this machine's CPU.

    Raises:
        UsageError: unknown; lists those that are known.
    """
    if name is None or name.strip().lower() == "cpu":
        return detect()
    known = _listed()
    row = known.get(_plain(name))
    if row is None:
        raise UsageError(
            "unknown device", got=name, allowed=", ".join(["cpu", *(entry["id"] for entry in _rows())])
        )
    return Device(**{key: value for key, value in row.items() if key != "id"})


def detect(cores: int | None = None) -> Device:
    """This machine's CPU: usable cores, physical memory, and its peak where clock and vector width are known.

    The peak is cores × clock × FLOPs per cycle. A clock or an instruction set that the system does not tell
    leaves the peak unknown. Memory bandwidth is unknown until measured.

    Args:
        cores: that the work is spread over; ``None``: all that this process may use.
    """
    cores, flags, clock_hz = cores or usable_cores(), processor_flags(), _clock_hz()
    per_cycle = flops_per_cycle(flags)
    peak = {} if clock_hz is None else {p: cores * clock_hz * f for p, f in per_cycle.items()}
    sources = {"cores": "operating system", "memory_bytes": "operating system"}
    if peak:
        sources["peak_flops"] = f"{cores} cores × {clock_hz or 0:.4g} Hz × {_FLOPS_PER_CYCLE_SOURCE}"
    return Device(
        name=f"{processor_name()} ({cores} {'core' if cores == 1 else 'cores'})",
        kind="cpu", cores=cores, memory_bytes=physical_memory_bytes(), peak_flops=peak,
        bandwidth_bytes_per_s=None, sources=sources,
    )  # fmt: skip


def flops_per_cycle(flags: frozenset[str]) -> dict[str, float]:
    """FLOPs of one core in one cycle by precision, from the flags that Linux names; empty where unknown.

    fp32: two fused multiply-add units as wide as the registers: 64 with AVX-512, 32 with AVX2, 16 with
    Advanced SIMD. bf16 doubles fp32 with AVX512_BF16, int8 is four times it with VNNI. AMX: a 16×16 tile
    product over 32 bf16 (64 int8) values takes 16 cycles, so 1,024 (2,048) operations a cycle (Wikipedia,
    "Advanced Matrix Extensions").
    bf16 and fp16 without hardware run at the speed of fp32 at best; int8 likewise.

    Known error: processors with one wide unit reach half.
    """
    if "avx512f" in flags:
        fp32 = 64.0
    elif "avx2" in flags and "fma" in flags:
        fp32 = 32.0
    elif "asimd" in flags:
        fp32 = 16.0
    else:
        return {}
    bf16 = 2 * fp32 if flags & {"avx512_bf16", "bf16"} else fp32
    int8 = 4 * fp32 if flags & {"avx512_vnni", "avx_vnni", "asimddp"} else fp32
    if "amx_bf16" in flags:
        bf16 = 1024.0
    if "amx_int8" in flags:
        int8 = 2048.0
    return {"fp32": fp32, "bf16": bf16, "fp16": fp32, "int8": int8}


def names() -> tuple[str, ...]:
    """Ids of the devices with data-sheet values."""
    return tuple(row["id"] for row in _rows())


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(_DATA.read_text(encoding="utf-8")))


def _listed() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in _rows():
        found[_plain(row["id"])] = row
        found[_plain(row["name"])] = row
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.lower())


def _clock_hz() -> float | None:
    """The processor's clock: its highest where the system tells, else the present one."""
    highest = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    try:
        return float(highest.read_text()) * 1e3
    except (OSError, ValueError):
        pass
    try:
        match = re.search(r"^cpu MHz\s*:\s*([0-9.]+)", _CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        return None
    return float(match.group(1)) * 1e6 if match and platform.system() == "Linux" else None
