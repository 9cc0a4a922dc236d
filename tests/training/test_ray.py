"""Ray Train over two nodes, one of which loses its power in the middle: nothing is lost."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.core.files import folder_lock
from fitwright.training.directory import read_history
from fitwright.training.job import unfinished
from tests.training.nodes import HEAD, PATIENCE_S, Node, NoNodesError, said, two_nodes, wait_until
from tests.training.test_distributed import assert_near

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]
EPOCHS, KILL_IN_EPOCH = 12, 2


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    try:
        with two_nodes(tmp_path) as both:
            for node in both:
                node.start()
            yield both
    except NoNodesError as error:
        pytest.skip(f"no nodes: {error}")


@pytest.mark.parametrize("workers", ["1-2", "2"])
def test_a_node_that_dies_costs_nothing(
    nodes: tuple[Node, Node], reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path, workers: str
) -> None:
    """With a range of workers the other goes on alone; with a number it waits for the node to be back."""
    head, other = nodes
    arguments = [
        "train", str(reviews_csv), "--model", str(tiny_model_dir), "--epochs", str(EPOCHS), "--lr", "1e-3",
        "--max-length", "48", "--precision", "fp32", "--dropout", "0.0", "--checkpoint-s", "0",
        "--patience", "99", "--output",
    ]  # fmt: skip
    log, two, one = tmp_path / "train.log", tmp_path / "two", tmp_path / "one"
    training = head.run(
        sys.executable, "-m", "fitwright", *arguments, str(two), "--engine", "ray", "--workers", workers,
        "--address", HEAD, log=log,
    )  # fmt: skip

    def epochs_done() -> int:
        with contextlib.suppress(OSError):  # a checkpoint is about to take the place of another
            for state in tmp_path.glob(".two.unfinished/*/checkpoint/state.json"):
                return int(json.loads(state.read_text())["epoch"])
        return 0

    wait_until(lambda: epochs_done() >= KILL_IN_EPOCH, training, log)
    other.kill()
    if workers == "2":
        other.start()
    assert training.wait(PATIENCE_S) == 0, said(log)
    history = read_history(two)
    assert history.processes == (2 if workers == "2" else 1)
    steps = history.points[-1].step
    assert len(history.resumed) == 1
    assert KILL_IN_EPOCH * steps // EPOCHS <= history.resumed[0] < steps
    assert run([*arguments, str(one)]) == 0
    assert [point.step for point in history.points] == [point.step for point in read_history(one).points]
    assert_near(two, one, tiny_model_dir)  # a row lost or seen twice would show in an epoch's mean loss


def test_what_a_worker_refuses_is_told_once_and_not_tried_again(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "fitwright", "train", str(reviews_csv), "--model", str(tiny_model_dir),
        "--output", str(tmp_path / "out"), "--engine", "ray", "--workers", "2", "--address", "local",
    ]  # fmt: skip
    with folder_lock(unfinished(tmp_path / "out")):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, ended.stderr
    assert "another fitwright command is at work" in errors[0]
    assert "Traceback" not in ended.stderr
