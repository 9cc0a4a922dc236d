"""``fitwright study`` on the public example table and on tables that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.cli.main import run

TABLE = Path(__file__).parents[2] / "examples" / "scaling" / "muennighoff2023.csv"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "fit.json"
    code = run(
        ["study", "fit", str(TABLE), "--law", "chinchilla", "--bootstraps", "50", "-o", str(path), "--json"]
    )
    assert code == 0
    return path


def test_fit_writes_what_it_prints(fitted: Path) -> None:
    found = json.loads(fitted.read_text(encoding="utf-8"))
    assert found["law"] == "chinchilla"
    assert set(found["parameters"]) == set(found["intervals"]) == {"E", "A", "B", "alpha", "beta"}
    assert found["settings"]["columns"]["unique"] == "unique_tokens_U"
    assert found["provenance"]["command"].startswith("fitwright")
    assert any("overfitting foretold the largest runs better" in warning for warning in found["warnings"])


def test_the_same_json_goes_to_stdout_alone(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "predict", str(fitted), "--n", "1B", "--d", "20B", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["interval"][0] < told["loss"] < told["interval"][1]
    assert told["extrapolates"] is False


def test_predict_and_best_speak_to_people(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "predict", str(fitted), "--n", "1B", "--d", "20B", "--unique", "5B"]) == 0
    assert "4 epochs" in capsys.readouterr().out
    assert run(["study", "best", str(fitted), "--flops", "1e21"]) == 0
    assert "tokens for each parameter" in capsys.readouterr().out
    assert run(["study", "best", str(fitted), "--flops", "1e21", "--within", "1"]) == 0
    assert "smallest size within 1 % of the best" in capsys.readouterr().out


def test_the_report_has_plots_and_both_twins(fitted: Path, tmp_path: Path) -> None:
    assert run(["study", "report", str(fitted), "--output", str(tmp_path)]) == 0
    page, twin = ((tmp_path / f"study.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    assert page.count("<svg") >= 6  # three plots, each wide and narrow
    for words in (
        "Which size, and what more would buy",
        "When a larger model stops paying",
        "data-constrained-tied",
    ):
        assert words in page
        assert words in twin
    assert "<script src" not in page
    assert "NaN" not in page


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["predict", "FIT", "--n", "1e15", "--d", "1e18"], 1, "cannot carry this claim"),
        (["predict", "FIT", "--n", "many", "--d", "1B"], 2, "not a count"),
        (["predict", "missing.json", "--n", "1B", "--d", "1B"], 2, "study not found"),
        (["best", "FIT"], 2, "nothing to go by"),
        (["fit", str(TABLE), "--n-column", "parms"], 2, "no such column"),
        (["fit", str(TABLE), "--law", "kaplan"], 2, "unknown law"),
        (["fit", str(TABLE), "--law", "chinchilla", "--fix", "alpha"], 2, "NAME=VALUE"),
        (["report", "FIT", "--format", "pdf"], 2, "unknown report format"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    fitted: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run(["study", *(str(fitted) if a == "FIT" else a for a in arguments)]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_no_file_that_is_no_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"schema": 1}', encoding="utf-8")
    assert run(["study", "report", str(other)]) == 2
    assert "study fit" in capsys.readouterr().err


def test_held_numbers_reach_the_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--law", "chinchilla", "--fix", "alpha=0.35", "--bootstraps", "0", "--json"]
    assert run(["study", "fit", str(TABLE), *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"]["alpha"] == pytest.approx(0.35)
    assert found["intervals"] == {}
