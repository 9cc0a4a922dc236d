from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.core.errors import DataError
from fitwright.data.dataset import LabelledText, load_labelled, sorted_names


def write(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    lines = [header, *(f'"{text}",{label}' for text, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows_of(**counts: int) -> list[tuple[str, str]]:
    return [(f"text {label} {i}", label) for label, count in counts.items() for i in range(count)]


def test_reviews(reviews_csv: Path) -> None:
    dataset, source = load_labelled(reviews_csv)
    assert len(dataset) == source.rows == 400
    assert dataset.names == ("negative", "positive")
    assert (source.columns.text, source.columns.label, source.dropped) == ("text", "label", 0)
    plain = source.as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert {"fingerprint", "rows", "files", "text_column", "label_column"} <= set(plain)


def test_labels_index_the_names(tmp_path: Path) -> None:
    dataset, _ = load_labelled(write(tmp_path / "a.csv", rows_of(b=9, a=8)))
    assert dataset.names == ("a", "b")
    assert all(f" {dataset.names[i]} " in text for text, i in zip(dataset.texts, dataset.labels, strict=True))


def test_names_sort_as_numbers_where_all_are() -> None:
    assert sorted_names({"10", "9", "-1"}) == ("-1", "9", "10")
    assert sorted_names({"10", "9", "x"}) == ("10", "9", "x")


def test_rows_without_text_or_label_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [*rows_of(a=8, b=8), ("", "a"), ("   ", "b"), ("text", ""), ("", "")]
    dataset, source = load_labelled(write(tmp_path / "a.csv", rows))
    assert len(dataset) == 16
    assert (source.empty_texts, source.missing_labels, source.dropped) == (3, 1, 4)


def test_subset_keeps_order_and_names() -> None:
    dataset = LabelledText(texts=("a", "b", "c"), labels=(0, 1, 0), names=("x", "y"))
    assert dataset.subset([2, 1]) == LabelledText(texts=("c", "b"), labels=(0, 1), names=("x", "y"))


@pytest.mark.parametrize(("labels", "names"), [((0,), ("x",)), ((0, 2), ("x", "y")), ((0, -1), ("x", "y"))])
def test_inconsistent_rows_are_refused(labels: tuple[int, ...], names: tuple[str, ...]) -> None:
    with pytest.raises(DataError):
        LabelledText(texts=("a", "b"), labels=labels, names=names)


# fingerprint


def test_fingerprint_is_of_the_content_not_the_file(tmp_path: Path) -> None:
    rows = [("two\nlines é", "a"), *rows_of(a=8, b=8)]
    first = load_labelled(write(tmp_path / "a.csv", rows))[1].fingerprint
    lines = [json.dumps({"kind": label, "id": 7, "words": text.replace("\n", "\r\n").replace("é", "e\u0301")})
             for text, label in rows]  # fmt: skip
    other = tmp_path / "b.jsonl"
    other.write_text("\n".join(lines))
    assert load_labelled(other, text="words", label="kind")[1].fingerprint == first
    assert len(first) == 64


def test_fingerprint_does_not_change_between_versions(tmp_path: Path) -> None:
    source = load_labelled(write(tmp_path / "a.csv", rows_of(a=8, b=8)))[1]
    assert source.fingerprint == "d3074c679221fb7f5bffb933b3f644533eb2fcb8226d838308269784a4671ed2"


def test_fingerprint_sees_every_change(tmp_path: Path) -> None:
    rows = rows_of(a=9, b=9)
    changed = [
        rows, rows[::-1], rows[1:], [(rows[0][0] + "!", "a"), *rows[1:]], [(rows[0][0], "b"), *rows[1:]],
    ]  # fmt: skip
    marks = {load_labelled(write(tmp_path / "a.csv", version))[1].fingerprint for version in changed}
    assert len(marks) == len(changed)


# errors


def error(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_labelled(path, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_class(tmp_path: Path) -> None:
    assert "one class only; got 'a'" in error(write(tmp_path / "a.csv", rows_of(a=20)))


def test_5000_distinct_labels(tmp_path: Path) -> None:
    message = error(write(tmp_path / "a.csv", [(f"text {i}", f"v{i % 5000}") for i in range(50_000)]))
    assert "5,000 distinct values in 50,000 rows" in message
    assert "--label" in message


def test_ids_as_labels(tmp_path: Path) -> None:
    assert "does not look like classes" in error(
        write(tmp_path / "a.csv", [(f"text {i}", f"id{i}") for i in range(200)])
    )


def test_regression_targets_as_labels(tmp_path: Path) -> None:
    rows = [(f"text {i}", str(i % 30 + 0.5)) for i in range(600)]
    assert "regress" in error(write(tmp_path / "a.csv", rows))


def test_many_real_classes_are_fine(tmp_path: Path) -> None:
    dataset, _ = load_labelled(
        write(tmp_path / "a.csv", [(f"text {i}", f"intent{i % 150}") for i in range(3000)])
    )
    assert len(dataset.names) == 150


def test_rare_classes_are_named(tmp_path: Path) -> None:
    message = error(write(tmp_path / "a.csv", rows_of(a=20, b=20, c=7, d=1)))
    assert "c (7), d (1)" in message
    assert "merge" in message


def test_nothing_left(tmp_path: Path) -> None:
    assert "no row" in error(write(tmp_path / "a.csv", [("", "a"), ("x", "")]))


def test_given_names_allow_absent_and_rare_classes(tmp_path: Path) -> None:
    dataset, _ = load_labelled(write(tmp_path / "a.csv", rows_of(b=3)), names=("b", "a"))
    assert dataset.names == ("b", "a")
    assert set(dataset.labels) == {0}


def test_a_label_outside_the_given_names(tmp_path: Path) -> None:
    message = error(write(tmp_path / "a.csv", rows_of(a=3, c=3)), names=("a", "b"))
    assert "does not know; got 'c'; allowed: a, b" in message
