"""``study design``, ``run``, ``fit`` and ``report`` of labelled data: real sentences, tiny encoders."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import fitwright
from fitwright.cli.main import run
from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.study.folder import StudyFolder
from fitwright.study.kinds import KINDS, read_plan

ROWS = "16,24,36,54,81,128"


def designed(data: Path, folder: Path, *more: str) -> list[str]:
    return [
        "study", "design", str(data), "--label", "label", "--shapes", "16/1/1", "--rows", ROWS, "--epochs",
        "1", "--draws", "1", "--block", "16", "--vocabulary", "300", "-o", str(folder), *more,
    ]  # fmt: skip


def train_here(folder: Path) -> None:
    """Train what is left in this process: that others do it is tested with a corpus."""
    plan = read_plan(folder)
    kind, at = KINDS[plan.kind], StudyFolder(folder)
    for cell in plan.cells:
        kind.train(at, plan, cell, Silent())
    assert run(["study", "run", str(folder)]) == 0  # nothing to do but the table


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path) -> Path:
    """A study of one encoder from scratch."""
    folder = tmp_path_factory.mktemp("labels") / "study"
    assert run(designed(reviews_csv, folder)) == 0
    train_here(folder)
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_cell_has_a_row_with_what_it_costs_and_did(trained: Path) -> None:
    plan, rows = read_plan(trained), rows_of(trained)
    assert [row["cell"] for row in rows] == [cell.name for cell in plan.cells]
    assert sorted(int(row["unique_rows"]) for row in rows) == [16, 24, 36, 54, 81, 128]
    for row in rows:
        assert 0 <= float(row["error"]) <= 1
        assert float(row["error"]) == pytest.approx(1 - float(row["accuracy"]), abs=1e-5)
        assert 0 < float(row["loss"]) < 5
        assert float(row["flops"]) > 0
        assert float(row["predicted_seconds"]) >= 0


def test_a_cell_that_was_trained_and_not_judged_is_judged_and_not_trained_again(trained: Path) -> None:
    cell = read_plan(trained).cells[0]
    folder = trained / "cells" / cell.name
    before, said = (folder / "model.safetensors").stat().st_mtime_ns, (folder / "heldout.json").read_bytes()
    (folder / "heldout.json").unlink()
    train_here(trained)
    assert (folder / "heldout.json").read_bytes() == said
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_a_plan_that_was_changed_after_training_is_refused(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained / "study.json"
    plan = path.read_text(encoding="utf-8")
    path.write_text(plan.replace('"unique_rows": 36', '"unique_rows": 35'), encoding="utf-8")
    assert run(["study", "run", str(trained)]) == 2
    assert "were changed after it was trained" in capsys.readouterr().err
    path.write_text(plan, encoding="utf-8")


def test_the_fit_answers_or_refuses_and_hands_over(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["study", "fit", str(trained), "--bootstraps", "0"]) == 0
    text = capsys.readouterr().out
    assert "Label more, or a bigger encoder?" in text
    assert "On the 128 labels at hand" in text
    assert "fitwright train" in text
    assert run(["study", "fit", str(trained), "--bootstraps", "0", "--loss-column", "loss", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["measure"], found["labels"]) == ("labels", "loss", 128)
    assert [curve["encoder"] for curve in found["curves"]] == ["16/1/1"]


def test_a_fit_before_the_last_cell_is_trained_says_so(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained / "runs.csv"
    table = path.read_text(encoding="utf-8")
    largest = next(row["cell"] for row in rows_of(trained) if row["unique_rows"] == "128")
    kept = [line for line in table.splitlines(keepends=True) if not line.startswith(f"{largest},")]
    path.write_text("".join(kept), encoding="utf-8")
    assert run(["study", "fit", str(trained), "--bootstraps", "0"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "warning: 1 cell of the plan not trained yet; go on with fitwright study run" in said
    assert "On the 81 labels at hand" in said
    path.write_text(table, encoding="utf-8")
    assert run(["study", "fit", str(trained), "--bootstraps", "0"]) == 0
    assert "not trained yet" not in capsys.readouterr().out


def test_the_report_shows_curves_and_runs(trained: Path) -> None:
    fitwright.study_fit(trained, bootstraps=0)
    for page in fitwright.study_report(trained).paths:
        text = page.read_text(encoding="utf-8")
        for words in ("Label more, or a bigger encoder?", "Learning curves", "The runs", "fitwright train"):
            assert words in text
        assert "NaN" not in text
    with pytest.raises(UsageError, match="study of labelled data"):
        fitwright.study_predict(trained, n=1e6, d=1e6)


@pytest.mark.slow
def test_given_encoders_and_regularisations_multiply_the_cells(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    more = ("--model", f"given={tiny_model_dir}", "--dropout", "0", "--dropout", "0.2")
    folder = tmp_path / "study"
    assert run(designed(reviews_csv, folder, *more)) == 0
    assert run(["study", "run", str(folder)]) == 0
    rows = rows_of(folder)
    assert len(rows) == 24
    assert {(row["model"], row["dropout"]) for row in rows} == {
        (model, dropout) for model in ("16/1/1", "given") for dropout in ("0", "0.2")
    }
    fitwright.study_fit(folder, bootstraps=0)
    text = (fitwright.study_report(folder).markdown or folder).read_text(encoding="utf-8")
    assert "What regularisation bought" in text
    assert "dropout 0.2, decay 0.01" in text
    start, made = folder / "starts" / "16-1-1", tmp_path / "model"
    assert run(["train", str(reviews_csv), "--model", str(start), "-o", str(made), "--epochs", "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "stars"], "no such column"),
        (["--label", "label", "--text", "body"], "no such column"),
        (["--label", "text", "--text", "label"], "does not look like classes"),
        (["--label", "label", "--rows", "16,32,64"], "carry no learning curve"),
        (["--label", "label", "--rows", "16,32,64,128,256,5000"], "fewer labelled rows than the ladder"),
        (["--label", "label", "--rows", "16,many"], "--rows takes numbers"),
        (["--label", "label", "--rows", ROWS, "--minutes", "1"], "given twice"),
        (["--label", "label", "--epochs", "3,3"], "epochs has a number twice"),
        (["--label", "label", "--rows", f"{ROWS},16"], "rows has a number twice"),
        (["--label", "label", "--dropout", "0.1", "--dropout", "0.10"], "dropout has a number twice"),
        (["--label", "label", "--weight-decay", "0", "--weight-decay", "0"], "decay has a number twice"),
        (["--label", "label", "--family", "gpt2"], "is of encoders"),
        (["--label", "label", "--model", "nowhere/at/all"], "nowhere/at/all"),
        (["--epochs", "3"], "options are of a study of labelled data"),
        (["--dropout", "0", "--dropout", "0.1", "--flops", "1e9"], "one number in a study of a corpus"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["study", "design", str(reviews_csv), "-o", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_encoders_whose_cells_would_share_a_folder_are_refused(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alike = ("--model", f"a b={tiny_model_dir}", "--model", f"a-b={tiny_model_dir}")
    assert run(designed(reviews_csv, tmp_path / "out", *alike)) == 2
    said = capsys.readouterr().err
    assert "two cells of the study have one name" in said
    assert " and 5 more" in said
    assert not (tmp_path / "out").exists()


def test_one_class_and_too_few_rows_are_said(
    reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = reviews_csv.read_text(encoding="utf-8").splitlines()
    one = [lines[0], *(line for line in lines[1:] if line.endswith("positive"))]
    for name, rows, said in (
        ("one", one, "has one class only"),
        ("few", lines[::3], "too few labelled rows"),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        assert run(["study", "design", str(path), "--label", "label", "-o", str(tmp_path / "out")]) == 2
        assert said in capsys.readouterr().err
