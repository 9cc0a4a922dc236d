"""One real ``fitwright fit`` that many tests read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.fitting import fit_arguments


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A finished fit: its command line, its workspace, and what it said."""

    arguments: list[str]
    folder: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path, tiny_model_dir: Path) -> Fitted:
    """``fitwright fit --json`` in a process of its own: trains, distils, exports, measures, bundles."""
    folder = tmp_path_factory.mktemp("fit") / "work"
    arguments = fit_arguments(reviews_csv, tiny_model_dir, folder, "--json")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "fitwright", *arguments], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Fitted(arguments=arguments, folder=folder, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is not measured: it takes fresh processes, and ``fitted`` has measured it for real."""
    from fitwright.evaluation import memory

    monkeypatch.setattr(memory, "run_probe", lambda _job: {"peak_bytes": 10**8})
