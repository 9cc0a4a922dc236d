"""The doctor's findings, each on a made-up patient and all on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import fitwright
from fitwright.core.errors import UsageError
from fitwright.environment import machine, packages
from fitwright.environment.installed import Installed, installed

TRAIN = ('torch>=2.13,<2.14; extra == "train"', 'numpy>=2; extra == "train"', "rich>=13")


def patient(**versions: str) -> dict[str, Installed]:
    """An environment with fitwright and those packages."""
    own = Installed(name="fitwright", version="0.1.0", requires=TRAIN)
    others = {name: Installed(name=name, version=version) for name, version in versions.items()}
    return {"fitwright": own, **others}


def train_check(everything: dict[str, Installed]) -> tuple[str, str, str | None]:
    check = packages.extra_checks(everything)[0]
    assert check.name == "extra train"
    return check.status, check.found, check.mend


def test_this_machine_is_healthy_and_everything_is_looked_at() -> None:
    diagnosis = fitwright.doctor()
    assert diagnosis.healthy, diagnosis.lines()
    names = [check.name for check in diagnosis.checks]
    assert names[:3] == ["Python", "extra train", "extra serve"]
    assert {"package conflicts", "torch", "processor", "threads", "memory", "disk", "Hub"} <= set(names)
    assert all(check.mend for check in diagnosis.checks if check.status != "ok")


def test_the_command_prints_json_alone_and_ends_with_0() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fitwright", "doctor", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["healthy"] is True


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        fitwright.doctor(tmp_path / "nowhere")


def test_an_extra_is_whole_incomplete_or_out_of_range() -> None:
    assert train_check(patient(torch="2.13.0+cpu", numpy="2.4.6"))[0] == "ok"
    status, found, mend = train_check(patient(numpy="2.4.6"))
    assert (status, mend) == ("warn", "pip install 'fitwright[train]'")
    assert "missing: torch;" in found
    status, found, _ = train_check(patient(torch="2.15.0", numpy="2.4.6"))
    assert status == "fail"
    assert "torch 2.15.0 (needs <2.14,>=2.13)" in found


def test_conflicts_among_what_fitwright_uses_fail_and_others_warn() -> None:
    assert packages.conflict_check(patient(torch="2.13.0", rich="14.0", numpy="2.4")).status == "ok"
    everything = patient(torch="2.13.0", numpy="2.4", rich="14.0")
    everything["torchvision"] = Installed(name="torchvision", version="0.27", requires=("torch==2.12.0",))
    beside = packages.conflict_check(everything)
    assert beside.status == "warn"
    assert "torchvision 0.27 needs torch==2.12.0, 2.13.0 is installed" in beside.found
    everything["torch"] = Installed(name="torch", version="2.13.0", requires=("numpy<2",))
    inside = packages.conflict_check(everything)
    assert (inside.status, inside.mend) == ("fail", "pip install 'numpy<2'")


def test_packages_that_overwrite_each_other_fail() -> None:
    everything = patient(onnxruntime="1.31", **{"onnxruntime-gpu": "1.31"})
    check = packages.conflict_check(everything)
    assert check.status == "fail"
    assert "onnxruntime and onnxruntime-gpu" in check.found


def test_an_old_interpreter_fails() -> None:
    assert machine.python_check((3, 10, 9)).status == "fail"
    assert machine.python_check((3, 11, 0)).status == "ok"


def test_torch_is_tried_and_a_broken_one_does_not_break_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.torch_check({}).status == "warn"
    (tmp_path / "torch.py").write_text("raise OSError('libfoo.so: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check = machine.torch_check(installed())
    assert check.status == "fail"
    assert "libfoo.so" in check.found
    assert check.mend is not None


@pytest.mark.parametrize(
    ("asked", "quota", "status", "mend"),
    [
        ("", None, "ok", None),
        ("4", None, "ok", None),
        ("", 2.0, "warn", "OMP_NUM_THREADS=2"),
        ("1", None, "warn", "unset"),
        ("9", None, "warn", "unset"),
        ("many", None, "fail", "unset"),
    ],
)
def test_threads_against_cores(asked: str, quota: float | None, status: str, mend: str | None) -> None:
    check = machine.threads_check({"OMP_NUM_THREADS": asked}, 4, quota)
    assert check.status == status
    assert mend is None or mend in (check.mend or "")


def test_container_limits_are_read(tmp_path: Path) -> None:
    assert machine.container_cores(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("2000000000\n")
    assert machine.container_cores(tmp_path) == 1.5
    assert machine.container_memory_bytes(tmp_path) == 2_000_000_000
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.container_cores(tmp_path) is None
    assert machine.container_memory_bytes(tmp_path) is None


def test_memory_counts_the_containers_limit() -> None:
    assert machine.memory_check(16_000_000_000, None).status == "ok"
    assert machine.memory_check(16_000_000_000, 2_000_000_000).status == "warn"
    assert machine.memory_check(512_000_000, None).status == "fail"


def test_fast_arithmetic_is_named() -> None:
    assert "bf16 by amx_bf16" in machine.processor_check(frozenset({"amx_bf16", "avx512_bf16"})).found
    assert "no fast bf16" in machine.processor_check(frozenset({"sse2"})).found
    assert "unknown" in machine.processor_check(frozenset()).found


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def hub() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hub_is_asked_only_when_told_to(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "not asked" in machine.hub_check({"HF_ENDPOINT": hub}, online=False).found
    assert "answers (200)" in machine.hub_check({"HF_ENDPOINT": hub}, online=True).found
    assert "HTTP 503" in machine.hub_check({"HF_ENDPOINT": f"{hub}/down"}, online=True).found
    assert machine.hub_check({"HF_ENDPOINT": "file:///etc"}, online=True).status == "fail"
    assert "HF_HUB_OFFLINE" in machine.hub_check({"HF_HUB_OFFLINE": "1"}, online=True).found
    away = machine.hub_check({"HF_ENDPOINT": "http://127.0.0.1:9"}, online=True)
    assert away.status == "warn"
    assert "cannot be reached" in away.found
