"""This machine's CPU: cores and memory that this process may use, instruction set, peak where it is known."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fitwright.core.provenance import (
    physical_memory_bytes,
    processor_flags,
    processor_name,
    usable_cores,
)
from fitwright.sizing.hardware.limits import Limits, read_limits
from fitwright.spec.device import Device

_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_HIGHEST_CLOCK = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
_ZEN_4 = ("AuthenticAMD", "25")
_SYSCTL_TIMEOUT_S = 5

# What Linux calls them, and what the list of a device says.
_INSTRUCTIONS: Mapping[str, str] = {
    "avx2": "avx2", "avx512f": "avx512f", "avx512_bf16": "avx512_bf16", "avx512_fp16": "avx512_fp16",
    "avx512_vnni": "avx512_vnni", "avx_vnni": "avx_vnni", "amx_bf16": "amx_bf16", "amx_fp16": "amx_fp16",
    "amx_int8": "amx_int8", "asimd": "neon", "asimdhp": "fp16", "asimddp": "dotprod", "sve": "sve",
    "bf16": "bf16", "i8mm": "i8mm",
}  # fmt: skip
# The same of macOS: hw.optional.<name> is 1.
_SYSCTL: Mapping[str, str] = {
    "avx2_0": "avx2", "avx512f": "avx512f", "avx512vnni": "avx512_vnni", "AdvSIMD": "asimd", "neon": "asimd",
    "arm.FEAT_FP16": "asimdhp", "arm.FEAT_DotProd": "asimddp", "arm.FEAT_BF16": "bf16",
    "arm.FEAT_I8MM": "i8mm", "fma": "fma",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Processor:
    """What the system tells of its processor; ``family`` is (vendor, family) as Linux numbers them."""

    name: str
    flags: frozenset[str]
    family: tuple[str, str] | None = None
    clock_hz: float | None = None


def detect(cores: int | None = None) -> Device:
    """This machine's CPU as this process may use it.

    Cores are those that the process may run on, no more than a container's quota, and at least one; memory
    is the smaller of what is built in and what the container allows. The peak is cores × clock × FLOPs per
    cycle; a clock or an instruction set that the system does not tell leaves it unknown. Memory bandwidth
    and power are unknown until measured.

    Args:
        cores: that the work is spread over; ``None``: all that this process may use.
    """
    limits = read_limits()
    usable = allowed_cores(usable_cores(), limits)
    cores = cores or usable
    share = float(cores) if limits.cores is None else min(float(cores), limits.cores)
    found = read_processor()
    peak = (
        {}
        if found.clock_hz is None
        else {p: share * found.clock_hz * f for p, f in flops_per_cycle(found.flags, found.family).items()}
    )
    sources = {"cores": _limited("operating system", usable < usable_cores())}
    built_in = physical_memory_bytes()
    memory_bytes = min((size for size in (built_in, limits.memory_bytes) if size is not None), default=None)
    sources["memory_bytes"] = _limited("operating system", memory_bytes != built_in)
    if peak:
        sources["peak_flops"] = (
            f"{share:g} cores × {found.clock_hz or 0:.4g} Hz × multiply-add units and vector width of the "
            "instruction set, two units assumed"
        )
    return Device(
        name=f"{found.name} ({cores} {'core' if cores == 1 else 'cores'})",
        kind="cpu", cores=cores, memory_bytes=memory_bytes, peak_flops=peak,
        instructions=instructions(found.flags), sources=sources,
    )  # fmt: skip


def allowed_cores(affinity: int, limits: Limits) -> int:
    """Threads worth starting: ``affinity`` cores, or a container's quota rounded down, but at least 1."""
    return affinity if limits.cores is None else max(1, min(affinity, int(limits.cores)))


def instructions(flags: frozenset[str]) -> tuple[str, ...]:
    """The instructions that matter for matrix products, from the flags that Linux names."""
    return tuple(name for flag, name in _INSTRUCTIONS.items() if flag in flags)


def flops_per_cycle(flags: frozenset[str], family: tuple[str, str] | None = None) -> dict[str, float]:
    """FLOPs of one core in one cycle by precision, from the flags that Linux names; empty where unknown.

    fp32: two fused multiply-add units as wide as the registers: 64 with AVX-512, 32 with AVX2 and on Zen 4
    (AMD family 25), whose AVX-512 runs over 256-bit data paths (AMD, Software Optimization Guide for the AMD
    Zen4 Microarchitecture), 16 with Advanced SIMD. bf16 doubles fp32 with AVX512_BF16, int8 is four times it
    with VNNI. AMX: a 16×16 tile product over 32 bf16 (64 int8) values takes 16 cycles, so 1,024 (2,048)
    operations a cycle (Wikipedia, "Advanced Matrix Extensions"). fp16 doubles fp32 with AVX512_FP16 and with
    Advanced SIMD's half precision. Without hardware bf16, fp16 and int8 run at the speed of fp32 at best.

    Known error: processors with one wide unit reach half; wide instructions may lower the clock.

    Args:
        flags: as in /proc/cpuinfo.
        family: (vendor, family) as in /proc/cpuinfo.
    """
    if "avx512f" in flags and family != _ZEN_4:
        fp32 = 64.0
    elif "avx512f" in flags or ("avx2" in flags and "fma" in flags):
        fp32 = 32.0
    elif "asimd" in flags:
        fp32 = 16.0
    else:
        return {}
    bf16 = 2 * fp32 if flags & {"avx512_bf16", "bf16"} else fp32
    fp16 = 2 * fp32 if flags & {"avx512_fp16", "asimdhp"} else fp32
    int8 = 4 * fp32 if flags & {"avx512_vnni", "avx_vnni", "asimddp"} else fp32
    if "amx_bf16" in flags:
        bf16 = 1024.0
    if "amx_fp16" in flags:
        fp16 = 1024.0
    if "amx_int8" in flags:
        int8 = 2048.0
    return {"fp32": fp32, "bf16": bf16, "fp16": fp16, "int8": int8}


def read_processor() -> Processor:
    """What Linux or macOS tell; other systems tell only a name."""
    if platform.system() == "Darwin":
        return parse_sysctl(_sysctl())
    name, flags, text = processor_name(), processor_flags(), _text(_CPUINFO)
    vendor, family = _field(text, "vendor_id"), _field(text, "cpu family")
    known = (vendor, family) if vendor and family else None
    return Processor(name=name, flags=flags, family=known, clock_hz=_clock_hz(text))


def parse_sysctl(text: str) -> Processor:
    """The processor from what ``sysctl`` prints on macOS; Apple's own processors tell no clock."""
    values = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }
    flags = {flag for option, flag in _SYSCTL.items() if values.get(f"hw.optional.{option}") == "1"}
    clock = values.get("hw.cpufrequency_max", "")
    return Processor(
        name=values.get("machdep.cpu.brand_string") or processor_name(),
        flags=frozenset(flags), clock_hz=float(clock) if clock.isdigit() else None,
    )  # fmt: skip


def available_memory_bytes(meminfo: Path = _MEMINFO) -> int | None:
    """Bytes that new work can have at this moment without swapping; ``None`` where the system does not tell.

    What Linux estimates (``MemAvailable``, proc(5)), or what the container leaves if that is less. It moves
    all the time, so it is no part of a :class:`Device`.
    """
    match = re.search(r"^MemAvailable:\s*([0-9]+) kB", _text(meminfo), re.MULTILINE)
    estimated = int(match.group(1)) * 1024 if match else None
    left = read_limits().memory_free_bytes
    return min((size for size in (estimated, left) if size is not None), default=None)


def _limited(source: str, limited: bool) -> str:
    return f"{source}, limited by the container" if limited else source


def _sysctl() -> str:
    import subprocess

    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "hw", "machdep.cpu"],
            capture_output=True,
            text=True,
            timeout=_SYSCTL_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _clock_hz(cpuinfo: str) -> float | None:
    """The processor's clock: its highest where the system tells, else the present one."""
    highest = _text(_HIGHEST_CLOCK)
    if highest.isdigit():
        return float(highest) * 1e3
    match = re.search(r"^cpu MHz\s*:\s*([0-9.]+)", cpuinfo, re.MULTILINE)
    return float(match.group(1)) * 1e6 if match else None


def _field(cpuinfo: str, name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return match.group(1).strip() if match else ""


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
