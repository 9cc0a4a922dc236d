"""``fitwright train`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.core.files import sha256_file
from fitwright.spec.manifest import Manifest

QUICK = ["--epochs", "2", "--lr", "5e-3", "--max-length", "48", "--precision", "fp32"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path, tiny_model_dir: Path) -> list[str]:
    """The command line of a finished training; its output is the last word."""
    folder = tmp_path_factory.mktemp("train") / "model"
    arguments = ["train", str(reviews_csv), "-m", str(tiny_model_dir), *QUICK, "-o", str(folder)]
    assert run(arguments) == 0
    return arguments


def test_json_alone_on_stdout(trained: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*trained, "--json"]) == 0
    captured = capsys.readouterr()
    printed = json.loads(captured.out)
    assert printed["model"] == trained[-1]
    assert len(printed["history"]["points"]) == 2
    assert printed["manifest"]["settings"]["learning_rate"] == 5e-3
    assert printed["manifest"] == Manifest.read(Path(trained[-1])).as_json()
    assert "already trained" in captured.err


def test_a_line_for_people_and_an_answer(trained: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(trained) == 0
    assert "model: validation accuracy " in capsys.readouterr().out
    assert run(["predict", trained[-1], "a moving and funny film"]) == 0
    assert capsys.readouterr().out.split()[0] in ("negative", "positive")


def test_another_training_needs_overwrite(
    trained: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path(trained[-1]) / "model.safetensors"
    before = sha256_file(weights)
    assert run([*trained, "--seed", "3"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "--overwrite" in error
    assert sha256_file(weights) == before
    assert Manifest.read(weights.parent).seed == 0


def test_columns_are_named_or_found(
    tmp_path: Path, tiny_model_dir: Path, sentences: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"id": i, "review": t, "stars": label}) for i, (t, label) in enumerate(sentences[::80])
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = ["train", str(tmp_path / "data.jsonl"), "-m", str(tiny_model_dir), *QUICK[2:], "--epochs", "1"]
    named = ["--text", "review", "--label", "stars", "-o", str(tmp_path / "out")]
    assert run([*given, *named]) == 0
    manifest = Manifest.read(tmp_path / "out")
    assert manifest.labels == ("0", "1")
    assert (manifest.data["columns"]["text"], manifest.data["columns"]["label"]) == ("review", "stars")
    assert "Traceback" not in capsys.readouterr().err
