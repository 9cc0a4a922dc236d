import csv
import io
import json

import pytest

from fitwright.core.errors import UsageError
from fitwright.reporting import tables
from fitwright.reporting.tables import Column

COLUMNS = (
    Column(key="name", title="Name", value=lambda row: row[0]),
    Column(
        key="size",
        title="Size",
        value=lambda row: row[1],
        numeric=True,
        unit="bytes",
        text=lambda v: f"{v} B",
    ),
)
ROWS = [("short", 5), ("模型|甲", 12345), ("<b>", None)]


def test_columns_line_up_on_a_terminal():
    lines = tables.terminal(ROWS, COLUMNS).splitlines()
    assert len({tables.display_width(line) for line in lines}) == 1
    assert lines[2].endswith("     5 B")
    assert lines[4].endswith(tables.UNKNOWN)


def test_markdown_survives_pipes_and_lines_up():
    lines = tables.markdown(ROWS, COLUMNS).splitlines()
    assert lines[1].startswith("| ---")
    assert lines[1].endswith("-: |")
    assert "模型\\|甲" in lines[3]
    assert len({tables.display_width(line) for line in lines}) == 1


def test_csv_and_json_carry_plain_values():
    read = list(csv.DictReader(io.StringIO(tables.as_csv(ROWS, COLUMNS))))
    assert read[1] == {"name": "模型|甲", "size_bytes": "12345"}
    assert read[2]["size_bytes"] == ""
    assert json.loads(tables.as_json(ROWS, COLUMNS))[2] == {"name": "<b>", "size": None}


def test_html_is_escaped():
    page = tables.html(ROWS, COLUMNS)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<tr>") == 4


def test_sorting_keeps_unknown_values_last():
    assert [row[1] for row in tables.sort(ROWS, COLUMNS, "size")] == [5, 12345, None]
    assert [row[1] for row in tables.sort(ROWS, COLUMNS, "-size")] == [12345, 5, None]


def test_sorting_by_an_order_of_its_own():
    layers = (Column(key="n", title="N", value=str, order=lambda text: len(text)),)
    assert tables.sort(["bbb", "a", "cc"], layers, "n") == ("a", "cc", "bbb")


def test_unknown_columns_and_formats_list_the_known():
    with pytest.raises(UsageError, match="name, size"):
        tables.choose(COLUMNS, ["colour"])
    with pytest.raises(UsageError, match="terminal, markdown"):
        tables.render(ROWS, COLUMNS, "papyrus")


def test_widths_of_wide_and_combining_characters():
    assert tables.display_width("模型ab") == 6
    assert tables.display_width("é") == 1
    assert tables.shorten("模型模型模型", 7) == "模型模…"
    assert tables.shorten("short", 7) == "short"


def test_no_rows_is_a_heading():
    assert tables.terminal([], COLUMNS).splitlines()[0].split() == ["Name", "Size"]


WIDE = (
    Column(key="name", title="Name", value=lambda row: row[0]),
    Column(key="first", title="x" * 10, value=lambda row: 1, spare=2),
    Column(key="second", title="x" * 10, value=lambda row: 2, spare=1),
)


@pytest.mark.parametrize(
    ("width", "kept"),
    [(31, "name first second"), (30, "name second"), (19, "name second"), (18, "name"), (3, "name")],
)
def test_a_narrow_terminal_goes_without_the_sparest_columns(width, kept):
    """Names take 7 columns, 模型|甲 being the widest, and two spaces stand between columns."""
    shown, left_out = tables.fit(ROWS, WIDE, width)
    assert [column.key for column in shown] == kept.split()
    assert [c.key for c in left_out] == [c.key for c in WIDE if c not in shown]
    if len(shown) > 1:
        lines = tables.terminal(ROWS, shown).splitlines()
        assert max(map(tables.display_width, lines)) <= width
