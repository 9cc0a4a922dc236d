"""This machine's processor, and others by what their systems print."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fitwright.core.provenance import physical_memory_bytes, processor_flags, usable_cores
from fitwright.sizing.hardware import processor
from fitwright.sizing.hardware.limits import Limits

M3 = """hw.memsize: 25769803776
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_FP16: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.AdvSIMD: 1
machdep.cpu.brand_string: Apple M3
"""
XEON_W = """hw.cpufrequency_max: 3200000000
hw.optional.avx2_0: 1
hw.optional.fma: 1
hw.optional.avx512f: 1
hw.optional.avx512vnni: 0
machdep.cpu.brand_string: Intel(R) Xeon(R) W-2140B CPU @ 3.20GHz
"""


def test_this_machine_is_described_as_far_as_it_tells() -> None:
    device = processor.detect()
    assert device.kind == "cpu"
    assert 1 <= device.cores <= usable_cores()
    assert device.bandwidth_bytes_per_s is None
    assert device.power_w is None
    memory, physical = device.memory_bytes, physical_memory_bytes()
    assert memory is not None
    assert physical is not None
    assert 2**28 < memory <= physical
    assert 0 < (processor.available_memory_bytes() or memory) <= memory
    assert all(peak > 1e9 for peak in device.peak_flops.values())
    assert ("avx2" in device.instructions) == ("avx2" in processor_flags())
    assert set(device.sources) >= {"cores", "memory_bytes"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_pinned_process_has_only_its_cores() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processor.detect().cores == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_peak_grows_with_the_cores() -> None:
    one, three = processor.detect(1), processor.detect(3)
    assert (one.cores, three.cores) == (1, 3)
    assert "(1 core)" in one.name
    if one.peak_flops:
        assert three.peak_flops["fp32"] == pytest.approx(3 * one.peak_flops["fp32"])


@pytest.mark.parametrize(
    ("affinity", "quota", "threads"), [(8, None, 8), (8, 2.5, 2), (8, 0.5, 1), (2, 16.0, 2), (1, 1.0, 1)]
)
def test_a_quota_leaves_whole_cores(affinity: int, quota: float | None, threads: int) -> None:
    assert processor.allowed_cores(affinity, Limits(cores=quota)) == threads


def test_a_container_is_respected_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(cores=0.5, memory_bytes=10**9, memory_free_bytes=4 * 10**8)
    whole = processor.detect(1)
    monkeypatch.setattr(processor, "read_limits", lambda: limits)
    device = processor.detect()
    assert device.cores == 1
    assert device.memory_bytes == 10**9
    assert processor.available_memory_bytes() == 4 * 10**8
    assert device.sources["memory_bytes"] == "operating system, limited by the container"
    if whole.peak_flops:
        assert device.peak_flops["fp32"] == pytest.approx(whole.peak_flops["fp32"] / 2)


def test_available_memory_is_what_linux_estimates_or_the_container_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       24684100 kB\nMemFree:        100 kB\nMemAvailable:   24187860 kB\n")
    monkeypatch.setattr(processor, "read_limits", Limits)
    assert processor.available_memory_bytes(meminfo) == 24187860 * 1024
    assert processor.available_memory_bytes(tmp_path / "absent") is None
    monkeypatch.setattr(processor, "read_limits", lambda: Limits(memory_bytes=9, memory_free_bytes=7))
    assert processor.available_memory_bytes(meminfo) == 7


def test_macos_tells_its_processor_through_sysctl() -> None:
    apple, intel = processor.parse_sysctl(M3), processor.parse_sysctl(XEON_W)
    assert apple.name == "Apple M3"
    assert apple.clock_hz is None
    assert processor.instructions(apple.flags) == ("neon", "fp16", "dotprod", "bf16", "i8mm")
    assert intel.clock_hz == 3.2e9
    assert processor.instructions(intel.flags) == ("avx2", "avx512f")
    assert processor.parse_sysctl("").flags == frozenset()


@pytest.mark.parametrize(
    ("flags", "family", "fp32", "bf16", "fp16", "int8"),
    [
        ({"avx2", "fma"}, None, 32, 32, 32, 32),
        ({"avx2", "fma", "avx512f", "avx512_vnni"}, ("GenuineIntel", "6"), 64, 64, 64, 256),
        ({"avx512f", "avx512_vnni", "avx512_bf16"}, ("AuthenticAMD", "25"), 32, 64, 32, 128),
        ({"avx512f", "avx512_vnni", "avx512_bf16"}, ("AuthenticAMD", "26"), 64, 128, 64, 256),
        ({"avx512f", "avx512_fp16", "amx_bf16", "amx_int8"}, ("GenuineIntel", "6"), 64, 1024, 128, 2048),
        ({"asimd", "asimddp"}, None, 16, 16, 16, 64),
    ],
)
def test_peak_follows_the_instruction_set(
    flags: set[str], family: tuple[str, str] | None, fp32: int, bf16: int, fp16: int, int8: int
) -> None:
    found = processor.flops_per_cycle(frozenset(flags), family)
    assert found == {"fp32": fp32, "bf16": bf16, "fp16": fp16, "int8": int8}


def test_an_unknown_instruction_set_has_no_peak() -> None:
    assert processor.flops_per_cycle(frozenset({"sse2"})) == {}
