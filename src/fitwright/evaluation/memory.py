"""Peak memory of a process that loads an engine and answers, measured from outside the caller's process.

In the caller's own process other models, torch and the data would be counted too. So a fresh interpreter
loads the engine, answers a batch of 32 and a batch of 1, and tells its peak.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitwright.core.errors import RunError, UsageError
from fitwright.core.progress import Progress, Silent
from fitwright.data.batching import length_sorted
from fitwright.spec.quantity import Quantity

_TIMEOUT_S = 600.0
MEASURED_ROWS = 32
"""Rows of the batch whose peak is measured: the longest of the data."""


def measure_peak_memory(
    directory: Path,
    engine: str,
    token_ids: Sequence[Sequence[int]],
    *,
    pad_id: int = 0,
    threads: int | None = None,
    repeats: int = 3,
    progress: Progress | None = None,
) -> Quantity:
    """Peak resident bytes of a process that serves ``engine`` from ``directory``.

    Args:
        directory: model directory or bundle.
        engine: ``torch`` or ``onnxruntime``.
        token_ids: rows to answer; the 32 longest are taken, so that it is the peak of these data.
        pad_id: the tokenizer's padding id.
        threads: of one run.
        repeats: fresh processes; the value is their median, the interval their range.
        progress: where to report to.

    Raises:
        UsageError: no rows, or fewer than one repeat.
        RunError: the process failed.
    """
    if not token_ids or repeats < 1:
        raise UsageError("peak memory needs at least one row and one repeat", got=(len(token_ids), repeats))
    longest = length_sorted([len(row) for row in token_ids], MEASURED_ROWS)[0]
    job = {
        "directory": str(directory), "engine": engine, "pad_id": pad_id, "threads": threads,
        "token_ids": [list(token_ids[row]) for row in longest],
    }  # fmt: skip
    peaks = []
    with (progress or Silent()).task(f"memory of {engine}", repeats, "processes") as task:
        for _ in range(repeats):
            peaks.append(int(run_probe(job)["peak_bytes"]))
            task.advance()
    peaks.sort()
    note = f"peak resident bytes of the whole process, median and range of {repeats} fresh processes"
    return Quantity.measured(peaks[len(peaks) // 2], "B", low=peaks[0], high=peaks[-1], note=note)


def run_probe(job: dict[str, Any]) -> dict[str, Any]:
    """Run :mod:`fitwright.evaluation.memory_probe` once; its answer has ``peak_bytes`` and ``modules``."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fitwright.evaluation.memory_probe"],
            input=json.dumps(job), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RunError(f"the memory measurement did not end within {_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1][:300]
        raise RunError(f"the memory measurement of the {job['engine']} engine failed: {reason}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
