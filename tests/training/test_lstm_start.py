"""``--model lstm``: what may be said of it, and a tokenizer that the same texts always give."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.tokens import TextTokenizer
from fitwright.training.lstm_start import LstmShape, lstm_folder, shape_of_name


def test_the_name_carries_the_sizes() -> None:
    assert shape_of_name("lstm") == LstmShape()
    assert shape_of_name("lstm:width=32,layers=2") == LstmShape(width=32, layers=2)
    assert shape_of_name("roberta-base") is None


@pytest.mark.parametrize("name", ["lstm:depth=2", "lstm:width=wide", "lstm:width=0", "lstm:dropout=1"])
def test_a_size_that_cannot_be_is_said(name: str) -> None:
    with pytest.raises(UsageError):
        shape_of_name(name)


def test_the_same_texts_give_the_same_tokenizer(
    sentences: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = SimpleNamespace(texts=(*(text for text, _ in sentences[:300]), "一部好电影 一部好电影"))
    made = []
    for name in ("one", "other"):
        monkeypatch.setenv("FITWRIGHT_HOME", str(tmp_path / name))
        made.append(lstm_folder(LstmShape(vocabulary=900), data))
    one, other = ((folder / "tokenizer.json").read_text() for folder in made)
    assert one == other
    tokenizer = TextTokenizer.load(made[0], 32)
    [row] = tokenizer.encodings(["A fine film 好电影"])
    assert row.tokens[1] == "a"
    assert row.tokens[-4:] == ["好", "电", "影", "[SEP]"]
    assert read_json(made[0] / "config.json")["vocab_size"] <= 900


def test_a_tokenizer_can_be_taken(encoder_dir: Path) -> None:
    folder = lstm_folder(LstmShape(tokenizer=str(encoder_dir)), SimpleNamespace(texts=("a",)))
    assert read_json(folder / "config.json")["vocab_size"] == 30522


def test_rows_without_texts_are_refused() -> None:
    with pytest.raises(UsageError, match="text-classification"):
        lstm_folder(LstmShape(), SimpleNamespace(images=()))
