from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest

from fitwright.core.errors import DataError
from fitwright.data.reading import read_table


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def one_line(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.CSV", ";"), ("a.csv", "\t"), ("a.csv", "|"), ("a.tsv", "\t")]
)
def test_delimited_files_read_alike(
    tmp_path: Path, mark: bytes, ending: str, name: str, delimiter: str
) -> None:
    lines = ["text{0}label", '"good, 很好; ""yes""\t|"{0}pos', "", "bad{0}neg"]
    content = ending.join(lines).format(delimiter) + ending
    table = read_table(write(tmp_path / name, mark + content.encode()))
    assert table.columns == {"text": ['good, 很好; "yes"\t|', "bad"], "label": ["pos", "neg"]}
    assert table.rows == 2


def test_quoted_text_may_hold_line_breaks(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", 'text,label\n"two\nlines",1\n'))
    assert table.columns["text"] == ["two\nlines"]


def test_a_field_may_be_longer_than_the_csv_modules_limit_which_stays(tmp_path: Path) -> None:
    before = csv.field_size_limit(1000)
    try:
        table = read_table(write(tmp_path / "a.csv", f"text,label\n{'x' * 5000},1\n"))
        assert len(table.columns["text"][0]) == 5000
        assert csv.field_size_limit() == 1000
    finally:
        csv.field_size_limit(before)


def test_tsv_without_quoting_keeps_lone_quotation_marks(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.tsv", 'text\tlabel\n"so it goes\t1\nthe "end" of it\t0\n'))
    assert table.columns["text"] == ['"so it goes', 'the "end" of it']


def test_unnamed_index_column_gets_a_name(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", ",text,label\n0,good,1\n"))
    assert list(table.columns) == ["unnamed_1", "text", "label"]


def test_json_values_become_text_and_absent_ones_are_missing(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 1}, {"text": None, "label": True, "extra": [1]}, {"label": float("nan")}]
    lines = "\n\n".join(json.dumps(row) for row in rows)
    expected = {"text": ["a", "", ""], "label": ["1", "True", ""], "extra": ["", "[1]", ""]}
    assert read_table(write(tmp_path / "a.jsonl", lines)).columns == expected
    assert read_table(write(tmp_path / "a.json", lines)).columns == expected
    assert read_table(write(tmp_path / "b.json", json.dumps(rows))).columns == expected


def test_a_line_separator_inside_json_text_is_text(tmp_path: Path) -> None:
    row = json.dumps({"text": "a\u2028b", "label": "x"}, ensure_ascii=False)
    for name in ("a.jsonl", "a.json"):
        assert read_table(write(tmp_path / name, row)).columns["text"] == ["a\u2028b"]


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    columns = {"text": ["a", None, "c"], "label": [0, 1, None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert table.columns == {"text": ["a", "", "c"], "label": ["0", "1", ""]}


# errors


def test_missing_file(tmp_path: Path) -> None:
    assert "not found" in one_line(tmp_path / "none.csv")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in one_line(tmp_path)


def test_unusable_path() -> None:
    assert "not a usable path" in one_line(Path("x" * 5000 + ".csv"))


def test_empty_file(tmp_path: Path) -> None:
    assert "is empty" in one_line(write(tmp_path / "a.csv", ""))


@pytest.mark.parametrize(("name", "content"), [
    ("a.csv", "text,label\n"), ("a.tsv", "text\tlabel\n\n"), ("a.jsonl", "\n\n"), ("a.json", "[]"),
])  # fmt: skip
def test_no_rows(tmp_path: Path, name: str, content: str) -> None:
    assert "has no rows" in one_line(write(tmp_path / name, content))


def test_blank_lines_only(tmp_path: Path) -> None:
    assert "blank" in one_line(write(tmp_path / "a.csv", "\n\n"))


@pytest.mark.parametrize("name", ["a.txt", "a", "a.gz"])
def test_unsupported_extension(tmp_path: Path, name: str) -> None:
    message = one_line(write(tmp_path / name, "text,label\n"))
    assert ".csv, .tsv, .jsonl" in message


def test_spreadsheet_is_told_how_to_become_csv(tmp_path: Path) -> None:
    assert "CSV UTF-8" in one_line(write(tmp_path / "a.xlsx", b"PK\x03\x04"))


def test_row_with_wrong_number_of_columns_names_its_line(tmp_path: Path) -> None:
    message = one_line(write(tmp_path / "a.csv", 'text,label\n"a\nb",1\ngood, really,1\n'))
    assert "line 4" in message
    assert "got 3" in message
    assert "allowed: 2" in message


def test_unclosed_quotation_mark_names_where_it_opens(tmp_path: Path) -> None:
    message = one_line(write(tmp_path / "a.csv", 'label,text\n1,good\n0,"bad\n1,good\n'))
    assert "line 3" in message
    assert "never closed" in message


def test_misplaced_quotation_mark_names_its_line(tmp_path: Path) -> None:
    message = one_line(write(tmp_path / "a.csv", 'text,label\n"a "b" c",1\n'))
    assert "line 2" in message
    assert "twice" in message


def test_broken_tsv_names_its_line(tmp_path: Path) -> None:
    assert "line 3" in one_line(write(tmp_path / "a.tsv", "text\tlabel\na\t1\nb\n"))


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    assert "same name; got 'text'" in one_line(write(tmp_path / "a.csv", "text,text\na,b\n"))


def test_data_in_the_place_of_the_header(tmp_path: Path) -> None:
    message = one_line(write(tmp_path / "a.csv", "this is a really great film,1\nbad,0\n"))
    assert "text,label" in message


@pytest.mark.parametrize("broken", ['{"text": "a"', "text,label", "{'text': 1}"])
def test_broken_json_line_names_its_number(tmp_path: Path, broken: str) -> None:
    message = one_line(write(tmp_path / "a.jsonl", f'{{"text": "a", "label": 1}}\n\n{broken}\n'))
    assert "line 3: broken JSON" in message


def test_json_line_that_is_no_object(tmp_path: Path) -> None:
    assert "line 1: not a JSON object" in one_line(write(tmp_path / "a.jsonl", '["a", 1]\n'))


def test_broken_json_array(tmp_path: Path) -> None:
    assert "line 2: broken JSON" in one_line(write(tmp_path / "a.json", '[{"text": "a"},\n{"text": ]'))


def test_json_array_of_strings(tmp_path: Path) -> None:
    assert "element 1: not a JSON object" in one_line(write(tmp_path / "a.json", '["a"]'))


def test_broken_parquet(tmp_path: Path) -> None:
    assert "not a readable Parquet" in one_line(write(tmp_path / "a.parquet", "text,label\n"))


# encodings: the guess in the message must be right, since a user will paste it

CHINESE = "text,label\n" + "这家餐厅的菜很好吃，服务也不错。,好\n味道一般，价格太贵了！,差\n" * 20
FRENCH = "text,label\n" + "Un film très agréable à voir,bon\nUne déception complète,mauvais\n" * 20
INNER = "text,label\n" + "Un film agréable et réussi,bon\nUne déception,mauvais\n" * 20
QUOTES = "text,label\n" + "it’s a “great” film – really,good\n" * 20


@pytest.mark.parametrize(("content", "encoding"), [
    (CHINESE, "gb18030"), (FRENCH, "latin1"), (INNER, "latin1"), (QUOTES, "cp1252"), (CHINESE, "utf-16"),
    (FRENCH, "utf-16"), (FRENCH, "utf-16le"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_wrong_encoding_is_guessed(tmp_path: Path, content: str, encoding: str, name: str) -> None:
    message = one_line(write(tmp_path / name, content.encode(encoding)))
    assert "not UTF-8" in message
    assert f"iconv -f {encoding} -t utf-8 '{name}'" in message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_wrong_encoding_names_the_byte(tmp_path: Path, mark: bytes) -> None:
    start = mark + b"text,label\n" + b"good,1\n" * 10_000
    message = one_line(write(tmp_path / "a.csv", start + "caf\xe9,1\n".encode("latin1")))
    assert f"byte 0xe9 at offset {len(start) + 3:,}" in message


def test_binary_file(tmp_path: Path) -> None:
    assert "binary" in one_line(write(tmp_path / "a.csv", b"PK\x03\x04text" + b"\x00" + b"abcdefgh" * 20))
