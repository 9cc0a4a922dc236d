"""Ray Train over two nodes, network namespaces of this machine, one of which dies in the middle.

Needs ``ray``, root, ``ip`` and a free core or two; else it is skipped with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.training.directory import read_history
from tests.training.test_distributed import assert_near

PATIENCE_S = 900.0
HEAD, OTHER = "10.231.77.1", "10.231.77.2"
WITHOUT = [
    reason
    for reason, is_so in (
        ("ray is not installed", importlib.util.find_spec("ray") is None),
        ("network namespaces need root", getattr(os, "geteuid", lambda: 1)() != 0),
        ("there is no ip command", shutil.which("ip") is None),
    )
    if is_so
]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WITHOUT), reason="; ".join(WITHOUT))]


def ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def nodes() -> Iterator[tuple[str, str]]:
    """Two namespaces with a wire between them: all that the nodes of a cluster see of each other."""
    names = (f"fw-head-{os.getpid()}", f"fw-other-{os.getpid()}")
    for name in names:
        if (made := ip("netns", "add", name)).returncode:
            pytest.skip(f"no network namespace: {made.stderr.strip()}")
    wire = (f"fwh{os.getpid() % 10**6}", f"fwo{os.getpid() % 10**6}")
    if (made := ip("link", "add", wire[0], "type", "veth", "peer", "name", wire[1])).returncode:
        pytest.skip(f"no pair of interfaces: {made.stderr.strip()}")
    for name, end, address in zip(names, wire, (HEAD, OTHER), strict=True):
        ip("link", "set", end, "netns", name)
        ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
        ip("-n", name, "link", "set", end, "up")
        ip("-n", name, "link", "set", "lo", "up")
    yield names
    for name in names:
        kill_all(name)
        ip("netns", "del", name)


def kill_all(name: str) -> None:
    """What a power cut does to a node."""
    for pid in ip("netns", "pids", name).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def inside(name: str, *command: str, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a command on a node; what it says goes to a file."""
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled", "RAY_DEDUP_LOGS": "0",
    }  # fmt: skip
    with log.open("ab") as file:
        return subprocess.Popen(
            ["ip", "netns", "exec", name, *command], cwd=folder, stdout=file, stderr=file, env=environment
        )


def wait_until(happened: Callable[[], bool], log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s, log.read_text(errors="replace")[-5000:]
        assert process.poll() in (None, 0), log.read_text(errors="replace")[-5000:]
        time.sleep(0.02)


RAY = (
    sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--num-cpus", "1",
    "--block", "--object-store-memory", "100000000", "--disable-usage-stats",
)  # fmt: skip


def test_a_node_that_dies_costs_nothing(
    nodes: tuple[str, str], reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    head, other = nodes
    logs = {name: tmp_path / f"{name}.log" for name in ("head", "other", "train")}

    def said(name: str) -> str:
        return logs[name].read_text(errors="replace")

    temporary = Path("/tmp") / f"fwray{os.getpid()}"  # noqa: S108 - sockets want a short path
    try:
        first = inside(
            head, *RAY, "--head", "--node-ip-address", HEAD, "--port", "6399", "--include-dashboard", "false",
            "--temp-dir", str(temporary), folder=tmp_path, log=logs["head"],
        )  # fmt: skip
        wait_until(lambda: "Ray runtime started" in said("head"), logs["head"], first)
        second = inside(
            other, *RAY, "--address", f"{HEAD}:6399", "--node-ip-address", OTHER,
            folder=tmp_path, log=logs["other"],
        )  # fmt: skip
        wait_until(lambda: "Ray runtime started" in said("other"), logs["other"], second)
        arguments = [
            "train", str(reviews_csv), "--model", str(tiny_model_dir), "--epochs", "12", "--lr", "1e-3",
            "--max-length", "48", "--precision", "fp32", "--dropout", "0.0", "--checkpoint-s", "0",
            "--patience", "99",
        ]  # fmt: skip
        training = inside(
            head, sys.executable, "-m", "fitwright", *arguments, "--output", str(tmp_path / "two"),
            "--engine", "ray", "--workers", "1-2", "--address", f"{HEAD}:6399", folder=tmp_path,
            log=logs["train"],
        )  # fmt: skip
        state = ".two.unfinished/*/checkpoint/state.json"
        wait_until(lambda: any(tmp_path.glob(state)), logs["train"], training)
        time.sleep(1.0)
        assert "world_size=2" in said("train")
        kill_all(other)
        assert training.wait(PATIENCE_S) == 0, said("train")[-5000:]
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    assert "resuming at epoch" in said("train")
    assert len(read_history(tmp_path / "two").points) == 12
    assert run([*arguments, "--output", str(tmp_path / "one")]) == 0
    assert_near(tmp_path / "two", tmp_path / "one", tiny_model_dir)
