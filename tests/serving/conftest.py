"""The real service in a process of its own, started by the command line on a free port."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

START_S = 60


class Running:
    """A started ``fitwright serve``: its process, its URL, and what it said on stderr."""

    def __init__(self, bundle: Path, *options: str, without: tuple[str, ...] = ()) -> None:
        blocked = "".join(f"sys.modules[{name!r}] = None; " for name in without)
        code = f"import sys; {blocked}from fitwright.cli.main import main; main()"
        arguments = [
            sys.executable,
            "-c",
            code,
            "serve",
            str(bundle),
            "--port",
            "0",
            "--threads",
            "1",
            *options,
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.said: list[str] = []
        self.printed = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        port = self.wait_for("loading ").partition("; port ")[2].split()[0]
        self.url = f"http://127.0.0.1:{port}"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, start: str) -> str:
        """The first line that starts so."""
        end_s = time.monotonic() + START_S
        while (left_s := end_s - time.monotonic()) > 0:
            line = self._lines.get(timeout=left_s)
            if line is None:
                break
            self.said.append(line)
            if line.startswith(start):
                return line
        raise AssertionError(f"it never said {start!r}, but: {''.join(self.said)}")

    def ready(self) -> Running:
        assert self.wait_for("ready: ").split()[1] == self.url
        return self

    def stop(self, signal_number: int) -> int:
        """Signal it, and its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=START_S)

    def close(self) -> str:
        """End it if it still runs; what it wrote to stdout."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=START_S)
        self._reader.join(timeout=START_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if not self.process.stdout.closed:
            with self.process.stdout as stdout, self.process.stderr:
                self.printed = stdout.read()
        return self.printed


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start a service; every one is ended after the test."""
    running: list[Running] = []

    def starter(*arguments: Any, **options: Any) -> Running:
        running.append(Running(*arguments, **options))
        return running[-1]

    yield starter
    for one in running:
        one.close()


@pytest.fixture(scope="session")
def service(tiny_bundle: Path) -> Iterator[Running]:
    """One ready service that several tests may ask, in an install without torch and transformers."""
    running = Running(tiny_bundle, without=("torch", "transformers")).ready()
    yield running
    running.close()
