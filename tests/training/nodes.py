"""Nodes of a Ray cluster: network namespaces of this machine with a wire between them, and power cuts.

A node that is started waits 15 s for the port files of its agents, which are Python, and gives up: on a
busy machine it never comes up. Each namespace has all ports to itself: they are fixed, and nothing waits.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S, ATTEMPT_S = 900.0, 120.0
HEAD = "10.231.77.1:6399"
_START = (
    sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--block",
    "--num-cpus", "1", "--object-store-memory", "80000000", "--disable-usage-stats",
    "--dashboard-agent-grpc-port", "6501", "--dashboard-agent-listen-port", "6502",
    "--metrics-export-port", "6503", "--runtime-env-agent-port", "6504",
)  # fmt: skip


class NoNodesError(Exception):
    """This machine does not let us make any: why."""


@dataclass(frozen=True)
class Node:
    """One namespace. ``log``: of the Ray node in it; ``scratch``: a short path, as sockets want it."""

    name: str
    address: str
    scratch: Path
    log: Path
    is_head: bool
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a command on the node; what it says goes to a file."""
        environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled", "RAY_DEDUP_LOGS": "0", "RAY_agent_register_timeout_ms": "600000",
            "RAY_worker_register_timeout_seconds": "600",
        }  # fmt: skip
        with log.open("ab") as file:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command], cwd=log.parent, stdout=file, stderr=file,
                env=environment,
            )  # fmt: skip
        self.started.append(process)
        return process

    def start(self) -> None:
        """Bring the Ray node up, in a few tries."""
        role = (
            ("--head", "--port", HEAD.partition(":")[2], "--include-dashboard", "false")
            if self.is_head
            else ("--address", HEAD)
        )
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            self.log.unlink(missing_ok=True)
            process = self.run(
                *_START, *role, "--node-ip-address", self.address, "--temp-dir", str(self.scratch),
                log=self.log,
            )  # fmt: skip
            attempt_s = time.monotonic() + ATTEMPT_S
            while process.poll() is None and time.monotonic() < attempt_s:
                if "Ray runtime started" in said(self.log):
                    return
                time.sleep(0.1)
            assert time.monotonic() < deadline_s, said(self.log)
            self.kill()

    def kill(self) -> None:
        """What a power cut does to it."""
        for pid in _ip("netns", "pids", self.name).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        while self.started:
            self.started.pop().wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def said(log: Path) -> str:
    """The end of what a log has so far."""
    return log.read_text(errors="replace")[-5000:] if log.exists() else ""


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait while the process runs well."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s, said(log)
        assert process.poll() in (None, 0), said(log)
        time.sleep(0.02)


@contextlib.contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes that see nothing of each other but the wire; the first is the head. Not started yet.

    Raises:
        NoNodesError: not root, no ``ip``, or a kernel without namespaces.
    """
    if os.geteuid() != 0:
        raise NoNodesError("network namespaces need root")
    if shutil.which("ip") is None:
        raise NoNodesError("there is no ip command")
    own = os.getpid() % 10**6
    with tempfile.TemporaryDirectory(prefix="fwray") as scratch:
        nodes = tuple(
            Node(
                name=f"fw{own}{role}", address=f"10.231.77.{number}", scratch=Path(scratch) / role,
                log=folder / f"node-{role}.log", is_head=number == 1,
            )
            for number, role in enumerate(("head", "other"), start=1)
        )  # fmt: skip
        try:
            _wire(nodes, (f"fwa{own}", f"fwb{own}"))
            yield nodes[0], nodes[1]
        finally:
            for node in nodes:
                node.kill()
                _ip("netns", "del", node.name)


def _wire(nodes: tuple[Node, ...], ends: tuple[str, str]) -> None:
    for node in nodes:
        _made("netns", "add", node.name)
    _made("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for node, end in zip(nodes, ends, strict=True):
        _made("link", "set", end, "netns", node.name)
        _made("-n", node.name, "link", "set", "lo", "up")
        _made("-n", node.name, "addr", "add", f"{node.address}/24", "dev", end)
        _made("-n", node.name, "link", "set", end, "up")
        _made("-n", node.name, "route", "add", "default", "dev", end)  # Ray asks it for the own address


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


def _made(*words: str) -> None:
    if (done := _ip(*words)).returncode:
        raise NoNodesError(f"ip {' '.join(words)}: {done.stderr.strip()}")
