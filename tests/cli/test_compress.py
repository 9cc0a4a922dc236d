"""``fitwright compress`` as a user types it: a trained model in, a smaller one that serves out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fitwright.api.compress import compress
from fitwright.cli.main import run
from fitwright.core.errors import UsageError
from fitwright.core.files import sha256_file
from fitwright.evaluation.evaluate import EvaluationSettings
from fitwright.pipeline.compress import Compressed
from fitwright.pipeline.settings import FitSettings
from fitwright.spec.budget import Budget
from fitwright.spec.manifest import Manifest

BUDGET = "size=1.06MB,max-drop=100"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path, tiny_model_dir: Path) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    quick = ["--epochs", "1", "--max-length", "48", "--precision", "fp32", "--seed", "7"]
    assert run(["train", str(reviews_csv), "-m", str(tiny_model_dir), "-o", str(folder), *quick]) == 0
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, teacher: Path, reviews_csv: Path) -> list[str]:
    """The command line of a finished compression; its output is the last word."""
    folder = tmp_path_factory.mktemp("small") / "small"
    arguments = ["compress", str(teacher), str(reviews_csv), "-b", BUDGET, "--epochs", "1", "-o", str(folder)]
    assert run(arguments) == 0
    return arguments


def test_a_student_that_meets_the_budget_answers(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(small[-1])
    manifest = Manifest.read(folder)
    assert (manifest.kind, manifest.stage) == ("bundle", "compress")
    graph = folder / manifest.engines["onnxruntime"]["path"]
    assert graph.stat().st_size <= 1_060_000
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 3
    assert run(["predict", str(folder), "a moving and funny film"]) == 0
    assert capsys.readouterr().out.split()[0] in manifest.labels
    assert not list(folder.parent.glob(".*"))


def test_the_student_names_the_split_and_the_length_that_it_was_taught_with(
    small: list[str], teacher: Path
) -> None:
    """A later ``evaluate`` splits as the manifest says: another seed there would measure on training rows."""
    made, taught_by = Manifest.read(Path(small[-1])), Manifest.read(teacher)
    assert taught_by.data["split"]["seed"] == 7
    assert made.data["split"] == taught_by.data["split"]
    assert made.data["split_rows"] == taught_by.data["split_rows"]
    assert made.max_length == taught_by.max_length == 48


@pytest.mark.parametrize(
    "change",
    [
        {}, {"temperature": 1.0}, {"hidden_weight": 0.0}, {"evaluation": EvaluationSettings(batch=2)},
        {"budget": Budget.parse("size=1060001,max-drop=100")},
    ],
)  # fmt: skip
def test_only_the_very_same_request_is_already_compressed(
    small: list[str],
    teacher: Path,
    reviews_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    monkeypatch.setattr("fitwright.pipeline.compress.search", lambda *_: pytest.fail("searched again"))
    settings = replace(FitSettings(budget=BUDGET, distil_epochs=1).search(), **change)

    def again() -> Compressed:
        return compress(teacher, reviews_csv, output=small[-1], budget=BUDGET, settings=settings)

    if not change:
        assert again().met
        return
    with pytest.raises(UsageError, match="already holds another result"):
        again()


def test_a_second_run_builds_nothing_and_prints_json(
    small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fitwright.pipeline import compress as module

    monkeypatch.setattr(module, "search", lambda *_: pytest.fail("searched again"))
    assert run([*small, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["met"] is True
    assert printed["model"] == small[-1]
    assert printed["chosen"]["slug"] == "layers-3-int8"
    assert [row["status"] for row in printed["tried"]] == ["skipped", "missed", "met"]
    assert run(small) == 0
    assert "3 of 4 layers, int8: meets the budget" in capsys.readouterr().out


def test_an_impossible_budget_ends_with_1_and_writes_the_nearest(
    teacher: Path, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["compress", str(teacher), str(reviews_csv), "-b", "size=1kB,max-drop=100", "--epochs", "1"]
    assert run([*given, "-o", str(tmp_path / "out"), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["met"] is False
    assert printed["binding"]["name"] == "size"
    assert run(["predict", printed["model"], "a film"]) == 0


def test_it_never_replaces_its_own_source(
    teacher: Path, reviews_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sha256_file(teacher / "model.safetensors")
    given = ["compress", str(teacher), str(reviews_csv), "-b", BUDGET, "-o", str(teacher), "--overwrite"]
    assert run(given) == 2
    assert "cannot replace" in capsys.readouterr().err
    assert sha256_file(teacher / "model.safetensors") == before


@pytest.mark.parametrize("budget", ["size=-1", "speed=3", "latency-p95=3", "price=1"])
def test_a_budget_that_cannot_be_read(
    teacher: Path, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], budget: str
) -> None:
    given = ["compress", str(teacher), str(reviews_csv), "-b", budget, "-o", str(tmp_path / "out")]
    assert run(given) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []
