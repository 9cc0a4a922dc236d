"""Rows of a labelled study: each text once, no text in two parts, nested amounts of every class."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fitwright.core.errors import DataError
from fitwright.data.content import normalised
from fitwright.data.dataset import LabelledText
from fitwright.study.labels.rows import (
    LabelledParts,
    first_rows,
    load_rows,
    ordered,
    read_parts,
    save_rows,
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, sentences: list[tuple[str, str]]) -> LabelledParts:
    """300 real sentences, twenty of them again in capitals, five once more with the other label."""
    rows = sentences[::28][:300]
    again = [(text.upper(), label) for text, label in rows[:20]]
    other = [(text, "1" if label == "0" else "0") for text, label in rows[20:25]]
    path = tmp_path_factory.mktemp("rows") / "rows.tsv"
    lines = ["text\tlabel", *("\t".join(row) for row in (*rows, *again, *other))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_parts(path, text=None, label=None, held_out=0.2, validation=0.1, seed=0)


def test_repeats_and_contradictions_are_left_out_before_the_split(parts: LabelledParts) -> None:
    assert (parts.repeats, parts.conflicts) == (20, 10)
    keys = [
        normalised(text) for rows in (parts.train, parts.validation, parts.held_out) for text in rows.texts
    ]
    assert len(keys) == len(set(keys)) == 295


def test_amounts_are_nested_and_have_the_classes_shares(parts: LabelledParts) -> None:
    for draw in (0, 1):
        small, large = (first_rows(parts.train, n, draw=draw, seed=0) for n in (20, 100))
        assert set(small.texts) < set(large.texts)
        shares = Counter(small.labels)
        assert abs(shares[0] - shares[1]) <= 2
    draws = [set(first_rows(parts.train, 20, draw=draw, seed=0).texts) for draw in (0, 1)]
    assert draws[0] != draws[1]


def test_a_rare_class_is_in_the_smallest_amount_in_its_share() -> None:
    rows = LabelledText(texts=tuple(map(str, range(100))), labels=(*[0] * 90, *[1] * 10), names=("a", "b"))
    assert Counter(ordered(rows, 0).labels[:20]) == {0: 18, 1: 2}


def test_rows_come_back_from_the_folder(parts: LabelledParts, tmp_path: Path) -> None:
    strange = LabelledText(texts=("a\u2028b\nc", "\ud800 d"), labels=(0, 1), names=("n", "p"))
    for number, rows in enumerate((parts.held_out, strange)):
        save_rows(rows, tmp_path / f"{number}.jsonl")
        assert load_rows(tmp_path / f"{number}.jsonl", rows.names) == rows
    with pytest.raises(DataError, match="study design"):
        load_rows(tmp_path / "none.jsonl", ("n",))
