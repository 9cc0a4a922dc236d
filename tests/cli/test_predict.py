"""``fitwright predict`` as a user types it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.api.predict import predict
from fitwright.cli.main import run

TEXTS = ["good", "a moving and funny film"]


def test_prints_label_score_and_text_aligned(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(tiny_bundle), *TEXTS]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, text, answer in zip(lines, TEXTS, predict(tiny_bundle, TEXTS), strict=True):
        assert line == f"{answer.label:<8}  {answer.score:.4f}  {text}"


def test_top_k_prints_more_classes(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(tiny_bundle), "good", "--top-k", "2"]) == 0
    line = capsys.readouterr().out
    assert "negative" in line
    assert "positive" in line


def test_json_alone_on_stdout(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(tiny_bundle), *TEXTS, "--json"]) == 0
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert printed.err == ""
    assert [row["text"] for row in rows] == TEXTS
    for row in rows:
        assert set(row) == {"text", "label", "score", "scores"}
        assert row["score"] == max(row["scores"].values()) == row["scores"][row["label"]]
        assert sum(row["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_file_to_file(tiny_bundle: Path, reviews_csv: Path, tmp_path: Path) -> None:
    import csv

    output = tmp_path / "answers.jsonl"
    arguments = ["predict", str(tiny_bundle), "--file", str(reviews_csv), "--output", str(output)]
    assert run(arguments) == 0
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    with reviews_csv.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert [row["text"] for row in rows] == texts
    alone = predict(tiny_bundle, texts[7])[0]
    assert rows[7]["score"] == pytest.approx(alone.score, abs=1e-4)


def test_lines_from_stdin(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\ntwo\n"))
    assert run(["predict", str(tiny_bundle), "-", "--json"]) == 0
    assert [row["text"] for row in json.loads(capsys.readouterr().out)] == ["one", "two"]


def test_engines_agree(tiny_bundle: Path) -> None:
    by_torch, by_onnx = (predict(tiny_bundle, TEXTS, engine=name) for name in ("torch", "onnxruntime"))
    for one, other in zip(by_torch, by_onnx, strict=True):
        assert one.scores == pytest.approx(dict(other.scores), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["BUNDLE"], "there is no text to classify"),
        (["BUNDLE", "a", "--file", "x.csv"], "give texts or --file, and not both"),
        (["BUNDLE", "--file", "nowhere.csv"], "data file not found"),
        (["BUNDLE", "a", "-"], "'-' stands for all texts"),
        (["BUNDLE", "a", "--text", "t"], "--text names a column of --file"),
        (["BUNDLE", "a", "--engine", "tpu"], "has no such engine; got 'tpu'; allowed: torch, onnxruntime"),
        (["BUNDLE", "a", "--top-k", "0"], "top-k must be at least 1"),
        (["BUNDLE", "a", "--batch-size", "0"], "batch size must be at least 1"),
        (["BUNDLE", "a", "--threads", "0"], "threads must be at least 1"),
        (["BUNDLE", "a", "--output", "x.csv"], "answers are written as JSON lines"),
        (["nowhere", "a"], "model directory not found; got 'nowhere'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    given = [str(tiny_bundle) if a == "BUNDLE" else a for a in arguments]
    assert run(["predict", *given]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_as_a_process(tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fitwright", "predict", str(tiny_bundle), "-", "--json"],
        input="中文 text\n", capture_output=True, text=True, encoding="utf-8", timeout=60,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["text"] == "中文 text"
