"""Commands that run as two processes of one world, as ``torchrun`` starts them, without its own start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE_S = 600.0
COMMAND = "import sys; from fitwright.cli.main import run; sys.exit(run(sys.argv[1:]))"


@dataclass(frozen=True)
class Ended:
    """One process: its exit code, and what it said."""

    code: int
    out: str
    err: str


def together(arguments: Sequence[str] | Sequence[Sequence[str]], program: str = COMMAND) -> list[Ended]:
    """Run a command as two processes; what each came to, by rank.

    Args:
        arguments: of both, or those of each.
        program: Python that they run.
    """
    each = [arguments, arguments] if isinstance(arguments[0], str) else list(arguments)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank, own in enumerate(each):
        world = {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", program, *map(str, own)], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, env={**os.environ, **world},
            )
        )  # fmt: skip
    try:
        said = [process.communicate(timeout=PATIENCE_S) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [Ended(p.returncode, out, err) for p, (out, err) in zip(processes, said, strict=True)]
