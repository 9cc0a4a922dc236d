"""The list of devices: every value sourced, every name found, nothing guessed."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing import devices
from fitwright.spec.device import Device

GIB = 2**30
LISTED = devices.names()
VALUES = (
    "memory_bytes", "bandwidth_bytes_per_s", "power_w", "interconnect_bytes_per_s", "compute_capability",
)  # fmt: skip


def test_the_list_is_long_and_of_every_kind() -> None:
    kinds = [devices.find(name).kind for name in LISTED]
    assert len(set(LISTED)) == len(LISTED) >= 50
    assert kinds.count("gpu") >= 30
    assert kinds.count("cpu") >= 6
    assert kinds.count("npu") >= 2


@pytest.mark.parametrize("name", LISTED)
def test_every_value_has_a_source_with_an_address(name: str) -> None:
    device = devices.find(name)
    for value in VALUES:
        if getattr(device, value) is not None:
            assert "https://" in device.sources[value], value
    for precision in device.peak_flops:
        assert "https://" in device.sources.get(f"peak_flops.{precision}", device.sources["peak_flops"])
    known = {*VALUES, "cores", "peak_flops", *(f"peak_flops.{precision}" for precision in device.peak_flops)}
    assert set(device.sources) <= known, "a source without a value"


@pytest.mark.parametrize("name", LISTED)
def test_values_are_of_a_credible_size(name: str) -> None:
    """Catches a slip of a thousand, gigabits for gigabytes, sparse peaks for dense ones."""
    device = devices.find(name)
    peaks, bandwidth = device.peak_flops, device.bandwidth_bytes_per_s
    assert device.memory_bytes is None or 10 * GIB <= device.memory_bytes <= 300 * GIB
    assert bandwidth is None or 1.5e11 <= bandwidth <= 1e13
    assert device.power_w is None or 50 <= device.power_w <= 1200
    order = [peaks[precision] for precision in ("fp32", "tf32", "bf16", "int8") if precision in peaks]
    assert order == sorted(order)
    assert 1 <= peaks.get("int8", 0) / peaks["bf16"] <= 4.01 if {"int8", "bf16"} <= set(peaks) else True
    if bandwidth and "bf16" in peaks and device.kind != "cpu":
        assert 30 <= peaks["bf16"] / bandwidth <= 600


@pytest.mark.parametrize("name", LISTED)
def test_a_listed_device_is_whole_and_serialises(name: str) -> None:
    device = devices.find(name)
    told = json.loads(json.dumps(device.as_json()))
    assert told["id"] == name
    assert told["name"] == device.name
    assert set(told) == set(Device.__dataclass_fields__)
    assert device.kind != "gpu" or device.memory_bytes
    if device.name.startswith("NVIDIA ") and device.kind == "gpu":
        assert device.compute_capability
        assert device.has_units_for("bf16") == (device.compute_capability >= (8, 0))
        assert ("bf16" in device.peak_flops) == device.has_units_for("bf16")


@pytest.mark.parametrize(
    ("name", "memory_bytes", "peak", "precision"),
    [
        ("a100-80gb", 81920 * 2**20, 312e12, "bf16"),
        ("a100-40gb", 40960 * 2**20, 156e12, "tf32"),
        ("h100-80gb", 81559 * 2**20, 989.5e12, "bf16"),
        ("l4", 23034 * 2**20, 242.5e12, "int8"),
        ("a10", 23028 * 2**20, 125e12, "fp16"),
        ("t4", 15360 * 2**20, 65e12, "fp16"),
        ("v100-16gb", 16384 * 2**20, 125e12, "fp16"),
        ("rtx-4090", 24564 * 2**20, 165.2e12, "bf16"),
        ("rtx-5090", 32607 * 2**20, 209.5e12, "bf16"),
        ("mi300x", 192 * GIB, 1307.4e12, "bf16"),
    ],
)
def test_values_read_by_hand_from_the_sources(
    name: str, memory_bytes: int, peak: float, precision: str
) -> None:
    device = devices.find(name)
    assert device.memory_bytes == memory_bytes
    assert device.peak_flops[precision] == peak


def test_a_processors_peak_is_cores_times_clock_times_width() -> None:
    genoa = devices.find("epyc-9654")
    assert genoa.cores == 96
    assert genoa.peak_flops["fp32"] == pytest.approx(96 * 2.4e9 * 32)
    assert genoa.bandwidth_bytes_per_s == pytest.approx(460.8e9)
    assert "base clock" in genoa.sources["peak_flops"]
    assert genoa.memory_bytes is None
    assert genoa.has_units_for("bf16") is True
    assert devices.find("epyc-7763").has_units_for("bf16") is False


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("A100 80GB", "a100-80gb"),
        ("nvidia a100 sxm4 80gb", "a100-80gb"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100 80GB PCIe", "a100-80gb-pcie"),
        ("rtx4090", "rtx-4090"),
        ("RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("4090", "rtx-4090"),
        ("NVIDIA H100 80GB HBM3", "h100-80gb"),
        ("h100 sxm", "h100-80gb"),
        ("Tesla T4", "t4"),
        ("AMD EPYC 9654", "epyc-9654"),
        ("tpu_v5e", "tpu-v5e"),
        (" L40S ", "l40s"),
    ],
)
def test_a_listed_device_is_found_by_any_spelling(name: str, found: str) -> None:
    assert devices.find(name).id == found


@pytest.mark.parametrize("name", LISTED)
def test_every_id_and_name_means_one_device(name: str) -> None:
    device = devices.find(name)
    assert devices.find(device.name).id == device.id == name


@pytest.mark.parametrize("name", [name for name in LISTED if devices.aliases(name)])
def test_an_alias_means_its_device_or_says_that_it_is_one_of_several(name: str) -> None:
    for alias in devices.aliases(name):
        sharing = [other for other in LISTED if alias in devices.aliases(other)]
        if len(sharing) == 1:
            assert devices.find(alias).id == name
        else:
            with pytest.raises(UsageError, match=name):
                devices.find(alias)


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("a100", ["a100-40gb", "a100-80gb", "a100-40gb-pcie", "a100-80gb-pcie"]),
        ("NVIDIA H100", ["h100-80gb", "h100-pcie", "h100-nvl"]),
        ("v100", ["v100-16gb", "v100-32gb"]),
    ],
)
def test_an_ambiguous_name_lists_what_it_may_mean(name: str, candidates: list[str]) -> None:
    with pytest.raises(UsageError, match="ambiguous") as caught:
        devices.find(name)
    assert all(re.search(rf"\b{candidate}\b", str(caught.value)) for candidate in candidates)


@pytest.mark.parametrize(
    ("name", "near"), [("rtx 4091", "rtx-4090"), ("epyc 9645", "epyc-9654"), ("h20", "h200")]
)
def test_an_unknown_device_is_told_what_looks_like_it(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=rf"unknown device; got '{name}'.*Did you mean .*{near}"):
        devices.find(name)


def test_nothing_like_it_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"cpu, cuda, cuda:N, auto, .*a100-40gb.*epyc-9654"):
        devices.find("abacus")


@pytest.mark.parametrize("name", ["cuda:x", "cuda:-1", "cuda:"])
def test_a_cuda_device_has_a_number(name: str) -> None:
    with pytest.raises(UsageError, match="cuda:N"):
        devices.find(name)


def test_this_machine_is_the_default() -> None:
    assert devices.find(None).kind == devices.find(" CPU ").kind == "cpu"
    assert devices.find(None).id is None
    assert devices.detect(cores=1).cores == 1


def test_a_device_refuses_nonsense() -> None:
    with pytest.raises(UsageError, match=r"memory_bytes.*got 0"):
        Device(name="x", kind="gpu", memory_bytes=0)
    with pytest.raises(UsageError, match=r"peak_flops\[bf16\]"):
        Device(name="x", kind="gpu", peak_flops={"bf16": -1.0})


def test_what_is_unknown_about_units_stays_unknown() -> None:
    bare = Device(name="x", kind="gpu")
    assert bare.has_units_for("fp32") is True
    assert bare.has_units_for("bf16") is None
    assert Device(name="x", kind="cpu").has_units_for("int8") is None
    assert devices.find("v100-16gb").has_units_for("int4") is None


def test_the_list_loads_without_asking_the_machine_anything() -> None:
    """Importing and finding starts no process and brings in nothing heavy."""
    code = (
        "import sys, subprocess\n"
        "subprocess.Popen.__init__ = None\n"
        "from fitwright.sizing import devices\n"
        "devices.find('rtx-4090'); devices.find('cpu')\n"
        "assert not {'torch', 'numpy', 'psutil'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
