"""``study run --engine ray``: killed, it trains no cell twice, and its cells are those of a run here."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.scaling.design.plan import Plan
from tests.cli.test_study_ladder import designed, stamps

PATIENCE_S = 900.0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]


def losses(folder: Path) -> dict[str, list[float]]:
    """Of each finished cell, after each epoch."""
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["cell"]: [float(loss) for loss in row["heldout_losses"].split()] for row in rows}


def test_a_killed_study_on_a_cluster_trains_no_cell_twice(
    sentences: list[tuple[str, str]], tmp_path: Path
) -> None:
    corpus, there, here = tmp_path / "corpus.txt", tmp_path / "there", tmp_path / "here"
    corpus.write_text("\n\n".join(text for text, _ in sentences[:1500]), encoding="utf-8")
    assert run(designed(corpus, there)) == 0
    shutil.copytree(there, here)
    command = [sys.executable, "-m", "fitwright", "study", "run", str(there), "--engine", "ray"]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=own)
    deadline_s = time.monotonic() + PATIENCE_S
    while len(stamps(there)) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = stamps(there)
    assert len(before) < len(Plan.read(there).cells)
    again = subprocess.run(command, capture_output=True, text=True, env=own)
    assert again.returncode == 0, again.stderr
    after = stamps(there)
    assert {name: after[name] for name in before} == before
    assert run(["study", "run", str(here), "--workers", "1", "--threads", "1"]) == 0
    assert losses(there).keys() == losses(here).keys()
    for name, found in losses(there).items():
        assert found == pytest.approx(losses(here)[name], abs=1e-3)
