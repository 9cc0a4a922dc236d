"""``study design`` and ``run`` on real sentences, and a study that is killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.scaling.design.plan import Plan

SHAPES = "16/1/1,24/1/1"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, sentences: list[tuple[str, str]]) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n\n".join(text for text, _ in sentences[:1500]), encoding="utf-8")
    return path


def designed(corpus: Path, folder: Path, *more: str) -> list[str]:
    return [
        "study", "design", str(corpus), "-o", str(folder), "--flops", "6e9", "--shapes", SHAPES,
        "--vocabulary", "300", "--block", "16", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was killed in the middle of a cell, with its processes, and then run to the end."""
    folder = tmp_path_factory.mktemp("study") / "study"
    assert run(designed(corpus, folder)) == 0
    command = [sys.executable, "-m", "fitwright", "study", "run", str(folder), "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    runs = folder / "runs.csv"
    deadline = time.monotonic() + 600
    while not (runs.is_file() and len(runs.read_text(encoding="utf-8").splitlines()) > 2):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = stamps(folder)
    assert 2 <= len(before) < len(Plan.read(folder).cells)
    assert run(["study", "run", str(folder), "--workers", "1"]) == 0
    after = stamps(folder)
    assert {name: after[name] for name in before} == before  # no cell was trained twice
    return folder


def stamps(folder: Path) -> dict[str, int]:
    """When the weights of each finished cell were written."""
    return {
        path.parent.name: path.stat().st_mtime_ns for path in folder.glob("cells/[!.]*/model.safetensors")
    }


def test_every_cell_has_a_row_that_a_law_is_fitted_to(trained: Path) -> None:
    plan = Plan.read(trained)
    with (trained / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["cell"] for row in rows} == {cell.name for cell in plan.cells}
    assert sum(row["role"] == "target" for row in rows) == 1
    for row, cell in zip(rows, plan.cells, strict=True):
        assert len(row["heldout_losses"].split()) == cell.epochs
        assert 0 < float(row["best_loss"]) <= float(row["loss"]) < 6
        assert int(row["tokens"]) == cell.tokens
    assert not list(trained.glob("cells/.*unfinished/*"))


def test_a_finished_study_is_left_alone(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = stamps(trained)
    assert run(["study", "run", str(trained), "--json"]) == 0
    captured = capsys.readouterr()
    assert "nothing to do" in captured.err
    assert len(json.loads(captured.out)["runs"]) == len(before)
    assert stamps(trained) == before


def test_the_plan_says_cost_and_rules(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(designed(corpus, tmp_path / "study", "--family", "bert", "--json")) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["rules"]["learning_rate"].startswith("AdamW's peak learning rate goes as 1/width")
    assert sum(cell["flops"] for cell in plan["cells"]) == pytest.approx(6e9, rel=0.2)
    assert all(cell["seconds"] > 0 and cell["memory_bytes"] > 1e6 for cell in plan["cells"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["design", "CORPUS", "-o", "OUT"], "a budget is needed"),
        (["design", "CORPUS", "-o", "OUT", "--flops", "1e9", "--family", "rnn"], "unknown family"),
        (["design", "CORPUS", "-o", "OUT", "--flops", "1e5", "--shapes", SHAPES], "too few tokens"),
        (["design", "CORPUS", "-o", "TAKEN", "--flops", "1e9"], "not empty"),
        (["run", "OUT"], "plan of a study not found"),
        (["run", "OUT", "--workers", "0"], "workers must be at least 1"),
    ],
)
def test_mistakes_are_one_line(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    places = {"CORPUS": str(corpus), "OUT": str(tmp_path / "out"), "TAKEN": str(tmp_path)}
    (tmp_path / "file").touch()
    assert run(["study", *(places.get(a, a) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
