"""A sweep whose trials run in workers of a Ray cluster: the table of one that runs here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.training.sweep.result import SweepResult
from tests.training.sweep.test_run import plain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]


def on_ray(arguments: list[str], workers: int) -> None:
    """In a process of its own: Ray leaves its marks in one."""
    command = [sys.executable, "-m", "fitwright", *arguments, "--engine", "ray", "--workers", str(workers)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_the_table_is_the_same_wherever_trials_run(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path, workers: int
) -> None:
    arguments = [
        "train", str(reviews_csv), "--model", str(tiny_model_dir), "--method", "head", "--epochs", "1",
        "--max-length", "32", "--precision", "fp32", "--dropout", "0.0", "--lr", "1e-3", "--trials", "4",
        "--sweep", "lr=1e-4..1e-2:log,batch=32|64", "--output",
    ]  # fmt: skip
    on_ray([*arguments, str(tmp_path / "there")], workers)
    there = SweepResult.read(tmp_path / "there")
    assert [row.state for row in there.rows] == ["complete"] * 4
    assert not list(tmp_path.glob(".*"))
    assert run([*arguments, str(tmp_path / "here")]) == 0
    here = SweepResult.read(tmp_path / "here")
    if workers == 1:  # several at once are proposed before the others' scores are known
        assert plain(there) == plain(here)
    assert there.default.score == here.default.score
