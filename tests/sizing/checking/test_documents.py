"""The same table in every form gives the same report; what is no table is refused in one line."""

import pytest

from fitwright.core.errors import DataError, UsageError
from fitwright.sizing.checking.documents import read_document
from fitwright.sizing.checking.judging import check_file
from tests.sizing.checking.tables import found, judged, markdown

WRONG = [(1, "parameters", 124_439_808), (2, "heads", 8)]
GITHUB = """text | more

| Model | Params | Heads |
|:--|--:|:-:|
| GPT-2 Small | 117M | 12 |
| T5-Small | 60M | 6 |

end
"""
FORMS = {
    "table.md": GITHUB,
    "bare.md": "Model | Params | Heads\n---|---|---\nGPT-2 Small | 117M | 12\nT5-Small | 60M | 6",
    "quoted.md": "> Model | Params | Heads\n> ---|---|---\n> GPT-2 Small | 117M | 12\n> T5-Small | 60M | 6",
    "html.md": """# t
<table><tr><th>Model<th>Params<th>Heads<tr><td>GPT-2 Small<td>117M<td>12
<tr><td>T5-Small<td>60M<td>6</table>
""",
    "table.csv": "Model,Params,Heads\nGPT-2 Small,117M,12\nT5-Small,60M,6\n",
    "semicolon.csv": 'Model;Params;Heads\n"GPT-2 Small";117M;12\nT5-Small;60M;6\n',
    "table.tsv": "Model\tParams\tHeads\nGPT-2 Small\t117M\t12\nT5-Small\t60M\t6\n",
    "titled.csv": "Our models,,\nModel,Params,Heads\nGPT-2 Small,117M,12\nT5-Small,60M,6\n",
    "table.txt": "Model,Params,Heads\nGPT-2 Small,117M,12\nT5-Small,60M,6\n",
    "crlf.csv": "Model,Params,Heads\r\nGPT-2 Small,117M,12\r\nT5-Small,60M,6\r\n",
    "marked.md": """| **Model** | *Params* | `Heads` |
|-|-|-|
| [GPT-2 Small](u) | **117M** | 12 |
| `T5-Small` | 60M[^1] | 6<sup>a</sup> |
""",
}
PAGE = """<!doctype html><html><head><title>x</title><style>td{color:red}</style></head><body><p>Model 1</p>
<table><thead><tr><th rowspan="2">Model</th><th colspan="2">Size</th></tr>
<tr><th>Params&nbsp;(M)</th><th>Attention heads</th></tr></thead>
<tbody><tr><td><b>GPT-2</b> Small<sup>1</sup></td><td>117</td><td>12</td></tr>
<tr><td>T5-Small</td><td><del>70</del> 60</td><td>6<script>var x = 1;</script></td></tr></tbody></table>
</body></html>"""


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_alike(tmp_path, name):
    assert found(judged(tmp_path, FORMS[name], name)) == WRONG


def test_an_html_page_with_spans_and_two_heading_rows(tmp_path):
    report = judged(tmp_path, PAGE, "page.html")
    assert found(report) == WRONG
    assert [wrong.column for wrong in report.wrong] == ["Size Params (M)", "Size Attention heads"]
    assert [wrong.stated for wrong in report.wrong] == ["117", "6"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_other_encodings(tmp_path, encoding):
    path = tmp_path / "表.csv"
    path.write_bytes("模型,参数量,注意力头数\nGPT-2 Small,1.17亿,12\nT5-Small,0.6亿,6\n".encode(encoding))
    report = check_file(path)
    assert found(report) == WRONG
    assert any("GB 18030" in note for note in report.notes) is (encoding == "gb18030")


def test_several_tables_are_numbered_and_one_without_models_is_named(tmp_path):
    text = FORMS["table.md"] + "\n| Task | Score |\n|--|--|\n| SST-2 | 94 |\n\n" + FORMS["bare.md"]
    report = judged(tmp_path, text)
    assert [(wrong.table, wrong.row) for wrong in report.wrong] == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert "table 2 has no column of models and was not judged" in report.notes


def test_nested_html_tables_are_tables_of_their_own(tmp_path):
    inner = "<table><tr><td>Model</td><td>Heads</td></tr><tr><td>T5-Small</td><td>6</td></tr></table>"
    (tmp_path / "n.html").write_text(f"<table><tr><td>layout</td><td>{inner}</td></tr></table>")
    assert found(check_file(tmp_path / "n.html")) == [(1, "heads", 8)]


def test_escaped_pipes_stay_in_their_cell(tmp_path):
    path = tmp_path / "t.md"
    path.write_text("| Model | Note |\n|--|--|\n| a\\|b | c |\n")
    assert read_document(path).tables[0][1] == ["a|b", "c"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.md", b"", "empty"),
        ("blank.csv", b" \n\n", "empty"),
        ("prose.md", b"no table here\n", "no table"),
        ("page.html", b"<p>no table here</p>", "no table"),
        ("sheet.xlsx", b"PK\x03\x04 and so on", "binary"),
        ("nul.csv", b"Model,Params\x00\n", "binary"),
        ("noise.md", bytes(range(1, 32)) * 9, "binary"),
        ("quotes.csv", b'Model,Params\n"GPT-2,1\n', "quoted"),
        ("head.md", b"| Model | Params |\n|--|--|\n", "no table"),
        ("other.md", b"| Task | Score |\n|--|--|\n| SST-2 | 94 |\n", "column of models"),
        ("nothing.md", b"| Model | Score |\n|--|--|\n| GPT-2 | 94 |\n", "can be judged"),
        ("legacy.csv", b"Model,Params\n\xff\xff\xfe,1\n", "neither UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        check_file(tmp_path / name)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UsageError, match="not found"):
        check_file(tmp_path / "none.md")
    with pytest.raises(UsageError, match="folder"):
        check_file(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        check_file(tmp_path / ("x" * 400))


@pytest.mark.parametrize(
    "rows",
    [
        "| verb | result |\n|--|--|\n| models | rows of the catalogue |\n| compare | a table |\n",
        "| figure | how |\n|--|--|\n| parameters | counted from the model directory's weights |\n| x | y |\n",
    ],
)
def test_prose_with_the_word_model_in_it_is_no_heading(tmp_path, rows):
    with pytest.raises(DataError, match="column of models"):
        judged(tmp_path, rows)


GROUPED = [
    ["模型", "结构", "", "", "参数量"],
    ["", "层数", "隐藏维度", "注意力头数", ""],
    ["BERT-base", "12", "768", "12", "1.1亿"],
    ["T5-Small", "8", "512", "6", "0.6亿"],
]


def test_headings_in_two_rows_are_read_as_one(tmp_path):
    """The columns of a group stand below its title; in Markdown and CSV they look like a row of data."""
    expected = [(2, "layers", 6), (2, "heads", 8)]
    for name, text in (
        ("g.md", markdown(GROUPED)),
        ("g.csv", "".join(",".join(row) + "\n" for row in GROUPED)),
    ):
        report = judged(tmp_path, text, name)
        assert found(report) == expected
        assert report.judged == 8
        assert not [note for note in report.notes if "not judged" in note or "can be judged" in note]


def test_a_group_in_html_names_its_columns(tmp_path):
    cells = "<tr><td>T5-Small</td><td>6</td><td>513</td><td>8</td></tr>"
    head = "<tr><th rowspan=2>Model</th><th colspan=3>Architecture</th></tr>"
    head += "<tr><th>Layers</th><th>Hidden</th><th>Heads</th></tr>"
    report = judged(tmp_path, f"<table><thead>{head}</thead>{cells}</table>", "g.html")
    assert found(report) == [(1, "hidden", 512)]
