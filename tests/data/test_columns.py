from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.core.errors import DataError
from fitwright.data.columns import Columns, detect
from fitwright.data.table import Table


def table(**columns: list[str]) -> Table:
    return Table(path=Path("file.csv"), values={name: list(values) for name, values in columns.items()})


LONG = [f"a sentence of some length, number {i}" for i in range(20)]
SHORT = ["yes", "no"] * 10
IDS = [str(i) for i in range(20)]


@pytest.mark.parametrize(("text", "label"), [
    ("text", "label"), ("Sentence", "Sentiment"), ("review", "class"), ("content", "category"),
    ("文本", "标签"), ("评论", "情感"), ("review", "stars"),
])  # fmt: skip
def test_usual_names(text: str, label: str) -> None:
    found = detect(table(**{"id": IDS, label: SHORT, text: LONG}))
    assert found == Columns(text=text, label=label)


def test_the_plainest_name_wins() -> None:
    found = detect(table(title=SHORT, text=LONG, review=LONG, label=SHORT, category=SHORT))
    assert found == Columns(text="text", label="label")


def test_content_decides_where_names_do_not() -> None:
    assert detect(table(a=IDS, b=LONG, c=SHORT)) == Columns(text="b", label="c")


def test_the_users_choice_holds() -> None:
    data = table(text=LONG, label=SHORT, note=LONG, kind=SHORT)
    assert detect(data, text="note", label="kind") == Columns(text="note", label="kind")
    assert detect(data, label="kind") == Columns(text="text", label="kind")
    assert detect(data, text="note") == Columns(text="note", label="label")


def test_unknown_column_lists_the_columns_and_the_nearest() -> None:
    with pytest.raises(
        DataError, match=r"no such column.*'Lable'.*allowed: text, label.*Did you mean 'label'"
    ):
        detect(table(text=LONG, label=SHORT), label="Lable")


def test_unknown_column_without_a_near_one() -> None:
    with pytest.raises(DataError, match=r"got 'zzz'; allowed: text, label\.$"):
        detect(table(text=LONG, label=SHORT), text="zzz")


def test_one_column_for_both() -> None:
    with pytest.raises(DataError, match="same column"):
        detect(table(text=LONG, label=SHORT), text="text", label="text")


@pytest.mark.parametrize(("columns", "option"), [
    ({"review": LONG, "comment": LONG, "label": SHORT}, "--text"),
    ({"text": LONG, "sentiment": SHORT, "topic": SHORT}, "--label"),
    ({"premise": LONG, "hypothesis": LONG, "label": SHORT}, "--text"),
    ({"text": LONG, "a": SHORT, "b": SHORT}, "--label"),
    ({"text": LONG, "id": IDS}, "--label"),
    ({"label": SHORT}, "--text"),
    ({"text": LONG}, "--label"),
])  # fmt: skip
def test_unclear_columns_ask_for_the_option(columns: dict[str, list[str]], option: str) -> None:
    with pytest.raises(DataError) as caught:
        detect(table(**columns))
    assert f"Say which with {option} NAME" in str(caught.value)
    assert ", ".join(columns) in str(caught.value)
