"""Cards by what ``nvidia-smi`` prints: recorded lines parsed, and a script in its place on the path."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing import devices
from fitwright.sizing.hardware import nvidia

MIB = 2**20
DGX = """0, NVIDIA A100-SXM4-80GB, 81920, 550.90.07, 8.0, 400.00, 1410, GPU-aaaa1111, Disabled
1, NVIDIA A100-SXM4-80GB, 81920, 550.90.07, 8.0, 400.00, 1410, GPU-bbbb2222, Disabled
"""
MIXED = """0, NVIDIA GeForce RTX 4090, 24564, 550.163.01, 8.9, 450.00, 3105, GPU-c0, [N/A]
1, NVIDIA GeForce RTX 3060, 12288, 550.163.01, 8.6, 170.00, 2130, GPU-c1, [N/A]
"""
H200 = "0, NVIDIA H200, 143771, 610.43.02, 9.0, 700.00, 1980, GPU-0000, Disabled\n"
SLICED = "0, NVIDIA H100 80GB HBM3, 81559, 590.48.01, 9.0, 700.00, 1980, GPU-5, Enabled\n"
SPARK = "0, NVIDIA GB10, [N/A], 580.95.05, 12.1, [N/A], 3003, GPU-9, [N/A]\n"
OLD = "0, Tesla V100-SXM2-16GB, 16384 MiB, 440.33.01, 300.00 W, 1530 MHz, GPU-7\n"
REFUSAL = 'Field "compute_cap" is not a valid field to query.\n'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a ``nvidia-smi`` on an otherwise empty path that prints a text and ends with a status."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(text: str, status: int = 0, *, refusal: str = "") -> Path:
        (tmp_path / "answer").write_text(text)
        refuse = f"case \"$*\" in *compute_cap*) echo '{refusal.strip()}'; exit 2;; esac\n" if refusal else ""
        script = tmp_path / "nvidia-smi"
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{refuse}/bin/cat {tmp_path}/answer\nexit {status}\n'
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return tmp_path / "asked"

    return put


def test_a_line_is_read_whole() -> None:
    (card,) = nvidia.parse_cards(H200)
    assert card == nvidia.Card(
        index=0, name="NVIDIA H200", uuid="GPU-0000", memory_bytes=143771 * MIB, driver="610.43.02",
        compute_capability=(9, 0), power_w=700.0, max_clock_hz=1.98e9, split=False,
    )  # fmt: skip


def test_what_the_driver_does_not_tell_is_unknown() -> None:
    (card,) = nvidia.parse_cards(SPARK)
    assert card.memory_bytes is None
    assert card.power_w is None
    assert card.compute_capability == (12, 1)
    (card,) = nvidia.parse_cards(
        "0, Quadro K600, 981, 390.157, [Not Supported], [Unknown Error], 876, ERR!, N/A\n"
    )
    assert (card.compute_capability, card.power_w, card.split) == (None, None, False)


@pytest.mark.parametrize(
    "text", ["NVIDIA H200\n", "x, NVIDIA H200, 1, 2, 3, 4, 5, 6, 7\n", "0, [N/A], 1, 2, 3, 4, 5, 6, 7\n"]
)
def test_a_line_that_is_no_table_is_not_guessed_at(text: str) -> None:
    with pytest.raises(UsageError, match="not understood"):
        nvidia.parse_cards(text)


def test_a_listed_card_gets_its_peaks_and_keeps_the_drivers_memory(install) -> None:
    asked = install(DGX)
    device = devices.find("cuda:1")
    assert device.name == "NVIDIA A100-SXM4-80GB"
    assert device.id == "a100-80gb"
    assert device.memory_bytes == 81920 * MIB
    assert device.power_w == 400
    assert device.compute_capability == (8, 0)
    assert device.peak_flops == devices.find("a100-80gb").peak_flops
    assert device.bandwidth_bytes_per_s == 2.039e12
    assert device.interconnect_bytes_per_s == 300e9
    assert "driver 550.90.07" in device.sources["memory_bytes"]
    assert "data sheet" in device.sources["peak_flops"]
    assert asked.read_text().count("\n") == 1
    assert "--query-gpu=index,name,memory.total,driver_version,compute_cap,power.limit" in asked.read_text()


def test_an_unlisted_card_has_what_the_driver_says_and_no_peaks(install) -> None:
    install("0, NVIDIA GeForce RTX 4090 Laptop GPU, 16376, 560.94, 8.9, 150.00, 3105, GPU-1, [N/A]\n")
    device = devices.find("cuda")
    assert device.memory_bytes == 16376 * MIB
    assert device.peak_flops == {}
    assert device.bandwidth_bytes_per_s is None
    assert device.id is None
    assert device.has_units_for("bf16") is True


def test_a_card_of_the_same_name_and_other_memory_is_another_card(install) -> None:
    install("0, NVIDIA GeForce RTX 3060, 8192, 560.94, 8.6, 170.00, 2130, GPU-1, [N/A]\n")
    device = devices.find("cuda:0")
    assert device.memory_bytes == 8192 * MIB
    assert device.bandwidth_bytes_per_s is None


def test_a_card_in_slices_promises_nothing(install) -> None:
    install(SLICED)
    device = devices.find("cuda")
    assert device.memory_bytes is None
    assert device.peak_flops == {}
    assert device.power_w is None
    assert "MIG" in device.sources["memory_bytes"]


def test_an_old_driver_is_asked_again_without_the_newer_fields(install) -> None:
    asked = install(OLD, refusal=REFUSAL)
    device = devices.find("cuda:0")
    assert device.id == "v100-16gb"
    assert device.memory_bytes == 16384 * MIB
    assert device.power_w == 300
    assert device.compute_capability == (7, 0)
    assert device.has_units_for("bf16") is False
    assert asked.read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("listed", "name"),
    [("1", "RTX 3060"), ("1,0", "RTX 3060"), ("GPU-c0", "RTX 4090"), ("0,7,1", "RTX 4090")],
)
def test_hidden_cards_do_not_count(install, monkeypatch: pytest.MonkeyPatch, listed: str, name: str) -> None:
    install(MIXED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert name in devices.find("cuda:0").name


def test_no_such_card_says_which_there_are(install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(MIXED)
    with pytest.raises(
        UsageError, match=r"got 'cuda:2'; allowed: cuda:0 is NVIDIA GeForce RTX 4090, cuda:1 is"
    ):
        devices.find("cuda:2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UsageError, match="CUDA_VISIBLE_DEVICES hides 2"):
        devices.find("cuda:0")
    assert devices.find("auto").kind == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1234")
    with pytest.raises(UsageError, match="MIG slice"):
        devices.find("cuda:0")


def test_without_nvidia_smi_there_is_an_answer_and_auto_is_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="nvidia-smi is not on the path"):
        devices.find("cuda")
    assert devices.find("auto").kind == "cpu"


def test_a_driver_that_fails_is_quoted(install) -> None:
    install("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", 9)
    with pytest.raises(UsageError, match=r"status 9.*couldn't communicate"):
        devices.find("cuda")
    assert devices.find("auto").kind == "cpu"


def test_a_machine_without_cards_has_none(install) -> None:
    install("No devices were found\n", 6)
    with pytest.raises(UsageError, match="there is no card"):
        devices.find("cuda:0")
    assert devices.find("auto").kind == "cpu"


def test_auto_is_the_first_card(install) -> None:
    install(MIXED)
    assert devices.find(" Auto ").id == "rtx-4090"


def test_the_processor_is_found_without_asking_for_cards(install) -> None:
    asked = install(DGX)
    assert devices.find(None).kind == "cpu"
    assert devices.find("rtx-4090").memory_bytes == 24564 * MIB
    assert not asked.exists()
