from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fitwright.data.dataset import LabelledText, load_labelled
from fitwright.data.profile import DataProfile, profile
from fitwright.data.splitting import split
from fitwright.data.tokens import TextTokenizer


def made(texts: list[str], labels: list[int], names: tuple[str, ...] = ("no", "yes")) -> DataProfile:
    dataset = LabelledText(texts=tuple(texts), labels=tuple(labels), names=names)
    return profile(dataset, split(dataset))


def varied(rows: int) -> list[str]:
    return [f"text number {i} " + "and more of it " * (i % 7) for i in range(rows)]


def test_reviews(reviews_csv: Path, encoder_dir: Path) -> None:
    dataset, source = load_labelled(reviews_csv)
    splits = split(dataset)
    found = profile(dataset, splits, TextTokenizer.load(encoder_dir, 64), source)
    assert found.rows == 400
    assert sum(found.parts.values()) == 400
    assert found.parts["test"] == len(splits.test)
    assert [c.name for c in found.classes] == ["negative", "positive"]
    assert sum(c.share for c in found.classes) == pytest.approx(1)
    assert found.characters.minimum == min(map(len, dataset.texts))
    assert found.characters.maximum == max(map(len, dataset.texts))
    assert found.tokens is not None
    assert 2 < found.tokens.p5 < found.tokens.p50 < found.tokens.p95 <= found.tokens.maximum
    assert found.language == "en"
    assert found.cjk_share == 0
    assert 0.3 < found.majority_accuracy < 0.7
    plain = found.as_json()
    assert json.loads(json.dumps(plain)) == plain
    shown = "\n".join(found.lines())
    assert "rows       400 (train" in shown
    assert f"negative {found.classes[0].share:.1%}, positive" in shown
    assert "language   en" in shown


def test_without_a_tokenizer_there_are_no_token_lengths() -> None:
    found = made(varied(200), [0, 1] * 100)
    assert (found.tokens, found.max_length, found.cut_share) == (None, None, None)
    assert not any(line.startswith("tokens") for line in found.lines())


def test_clean_data_has_no_warnings() -> None:
    assert made(varied(4000), [0, 1] * 2000).warnings == ()


def test_duplicates_and_conflicts_are_counted_and_warned_of() -> None:
    texts = varied(300)
    labels = [0, 1] * 150
    # 30 copies, 20 of them with the other label
    found = made(
        [*texts, *(t.upper() for t in texts[:30])], [*labels, *(1 - v for v in labels[:20]), *labels[20:30]]
    )
    assert found.duplicates == 30
    assert found.conflicts == 40
    assert any("9% of the rows repeat" in w for w in found.warnings)
    assert any(w.startswith("40 rows share their text") for w in found.warnings)


def test_majority_accuracy_is_of_the_test_part() -> None:
    texts = varied(2000)
    labels = [int(i % 5 == 0) for i in range(2000)]
    dataset = LabelledText(texts=tuple(texts), labels=tuple(labels), names=("no", "yes"))
    splits = split(dataset)
    expected = splits.test.labels.count(0) / len(splits.test)
    assert profile(dataset, splits).majority_accuracy == pytest.approx(expected)
    assert expected == pytest.approx(0.8, abs=0.08)


def test_imbalance_and_tiny_classes() -> None:
    found = made(varied(1000), [int(i % 25 == 0) for i in range(1000)])
    assert any("unbalanced: 'no' has 960 rows, 'yes' has 40" in w for w in found.warnings)
    assert any("fewer than 50 rows each: yes" in w for w in found.warnings)


def test_few_test_rows() -> None:
    assert any("test rows tell an accuracy" in w for w in made(varied(200), [0, 1] * 100).warnings)


def test_texts_of_one_length() -> None:
    found = made([f"code {i:06d}" for i in range(4000)], [0, 1] * 2000)
    assert [w for w in found.warnings if "same length (11 characters)" in w]


def test_cut_texts(encoder_dir: Path) -> None:
    dataset = LabelledText(texts=tuple(varied(4000)), labels=(0, 1) * 2000, names=("no", "yes"))
    splits = split(dataset)
    found = profile(dataset, splits, TextTokenizer.load(encoder_dir, 16))
    assert found.max_length == 16
    assert found.cut_share == pytest.approx(4 / 7, abs=0.2)
    assert any("longer than 16 tokens and are cut" in w for w in found.warnings)
    assert profile(dataset, splits, TextTokenizer.load(encoder_dir, 128)).warnings == ()


def test_dropped_rows(reviews_csv: Path) -> None:
    dataset, source = load_labelled(reviews_csv)
    found = profile(dataset, split(dataset), source=replace(source, empty_texts=3, missing_labels=1))
    assert found.dropped == 4
    assert any(w.startswith("4 rows without a text or a label") for w in found.warnings)


def test_chinese() -> None:
    found = made([f"这部电影很好看，第{i}次看了" for i in range(200)], [0, 1] * 100)
    assert found.language == "zh"
    assert found.cjk_share == 1
