"""Texts to probabilities, on a bundle and on a plain model directory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitwright.core.errors import DataError, RunError, UsageError
from fitwright.engines.classifier import TextClassifier, softmax
from fitwright.engines.loading import NAMES
from fitwright.engines.prediction import predictions, read_texts

TEXTS = ["good", "a moving and funny film that stays with you for days", "bad " * 300, "", "dull"]


@pytest.mark.parametrize("engine", NAMES)
def test_answers_in_the_order_of_the_texts(tiny_bundle: Path, engine: str) -> None:
    classifier = TextClassifier.load(tiny_bundle, engine=engine, threads=1)
    together = classifier.predict(TEXTS, batch_size=2)
    assert together.shape == (5, 2)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    alone = np.concatenate([classifier.predict([text]) for text in TEXTS])
    assert np.ptp(alone[:, 0]) > 0.02  # the rows differ, so a wrong order shows
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_agrees_with_the_transformers_pipeline(tiny_bundle: Path) -> None:
    from transformers import pipeline

    reference = pipeline("text-classification", model=str(tiny_bundle), device="cpu")
    answers = reference(TEXTS[:2], top_k=None)
    for answer, mine in zip(answers, predictions(TextClassifier.load(tiny_bundle), TEXTS[:2]), strict=True):
        assert [row["label"] for row in answer] == list(mine.scores)
        assert [row["score"] for row in answer] == pytest.approx(list(mine.scores.values()), abs=1e-4)


def test_length_comes_from_the_manifest_else_from_the_positions(
    tiny_bundle: Path, tiny_model_dir: Path
) -> None:
    assert TextClassifier.load(tiny_bundle).tokenizer.max_length == 64
    assert TextClassifier.load(tiny_model_dir).tokenizer.max_length == 128


def test_no_texts_give_no_rows(tiny_model_dir: Path) -> None:
    assert TextClassifier.load(tiny_model_dir).predict([]).shape == (0, 2)


def test_labels_that_do_not_fit_are_refused(tiny_model_dir: Path) -> None:
    classifier = replace(TextClassifier.load(tiny_model_dir), labels=("one", "two", "three"))
    with pytest.raises(RunError, match="does not fit its labels"):
        classifier.predict(["text"])


def test_top_k_keeps_the_best(tiny_model_dir: Path) -> None:
    classifier = TextClassifier.load(tiny_model_dir)
    (answer,) = predictions(classifier, ["text"], top_k=1)
    assert answer.scores == {answer.label: answer.score}
    assert answer.score >= 0.5
    with pytest.raises(UsageError, match="top-k"):
        predictions(classifier, ["text"], top_k=0)


def test_softmax_does_not_overflow() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1e30, 0], [-1e30, -1e30]], dtype=np.float32)), [[1, 0], [0.5, 0.5]]
    )


def test_a_bundle_answers_without_torch(tiny_bundle: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "import fitwright\n"
        f"print(fitwright.predict({str(tiny_bundle)!r}, 'a text')[0].label)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("negative", "positive")


def test_reads_lines_and_columns(tmp_path: Path) -> None:
    lines = tmp_path / "texts.txt"
    lines.write_text("\ufeffone\n\n two \n", encoding="utf-8")
    assert read_texts(lines) == ["one", " two "]
    table = tmp_path / "rows.csv"
    table.write_text("id,text\n1,one\n2,two\n")
    assert read_texts(table) == ["one", "two"]
    assert read_texts(table, "id") == ["1", "2"]
    single = tmp_path / "single.csv"
    single.write_text("anything\none\n")
    assert read_texts(single) == ["one"]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.txt", "\n \n", None, "there is no text to classify"),
        ("a.txt", "one", "text", r"a \.txt file has no columns"),
        ("a.csv", "p,q\nx,y\n", None, r"which column of .* is unclear; allowed: p, q\."),
        ("a.csv", "p,q\nx,y\n", "r", "no such column"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, content: str, column: str | None, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_texts(tmp_path / name, column)


def test_file_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found"):
        read_texts(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 noir\n")
    with pytest.raises(DataError):
        read_texts(tmp_path / "latin.txt")
