"""``fitwright check-table`` on the table of ``examples/tables`` and on files that are none."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.cli.main import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "tables" / "published.md"
WRONG = [
    (4, "Parameters", "~580M", 434_012_160, 33.64),
    (5, "Layers", "8", 6, 33.33),
    (5, "Attention heads", "6", 8, -25.0),
    (7, "Parameters", "770M", 737_668_096, 4.38),
    (8, "Parameters", "117M", 124_439_808, -5.98),
    (9, "Parameters", "345M", 354_823_168, -2.77),
]
WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "numpy", "pandas", "bs4", "lxml"):
    sys.modules[name] = None
from fitwright.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
KEYS = ["row", "column", "stated", "correct", "error_pct", "source"]


def ran(capsys, *arguments):
    code = run(["check-table", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_is_the_list_of_wrong_cells(capsys):
    code, out, err = ran(capsys, EXAMPLE, "--json")
    assert code == 1
    rows = json.loads(out)
    assert [tuple(row[key] for key in KEYS[:5]) for row in rows] == WRONG
    assert all(row["source"] for row in rows)
    assert all(list(row)[:6] == KEYS for row in rows)
    assert "DeBERTa-v3" in err
    assert json.loads(ran(capsys, EXAMPLE, "--format", "json")[1]) == rows


def test_the_terminal_says_what_is_right_why_and_where_from(capsys):
    code, out, err = ran(capsys, EXAMPLE)
    assert code == 1
    assert err == ""
    table = out.split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(WRONG)
    assert "434.0M" in table[2]
    assert "+33.6 %" in table[2]
    for said in (
        "GPT2LMHeadModel of openai-community/gpt2",
        "miscount",
        "'DeBERTa-v3' was taken as",
        "6 are wrong",
    ):
        assert said in out


def test_other_forms_of_the_result(capsys):
    code, out, _ = ran(capsys, EXAMPLE, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [
        (int(row["row"]), row["column"], row["stated"], int(row["correct"]), float(row["error_pct"]))
        for row in rows
    ] == WRONG
    assert rows[0]["source"]
    assert "| DeBERTa-v3" in ran(capsys, EXAMPLE, "--format", "markdown")[1]
    assert "<td>DeBERTa-v3</td>" in ran(capsys, EXAMPLE, "--format", "html")[1]


def test_a_right_table_ends_with_zero(capsys, tmp_path):
    path = tmp_path / "right.csv"
    path.write_text("模型,参数量,层数\nBERT-base,1.1亿,12\nT5-small,6050万,6\n", encoding="utf-8")
    assert ran(capsys, path, "--json")[:2] == (0, "[]\n")
    code, out, _ = ran(capsys, path)
    assert code == 0
    assert "4 figures in 2 of 2 rows judged: none is wrong." in out


def test_nothing_known_is_not_called_right(capsys, tmp_path):
    path = tmp_path / "unknown.csv"
    path.write_text("Model,Params\nBert-basee,110M\n", encoding="utf-8")
    code, out, _ = ran(capsys, path)
    assert code == 0
    assert "did you mean bert-base" in out
    assert "nothing could be judged" in out


def test_neither_torch_nor_other_packages_are_needed():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "check-table", str(EXAMPLE), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert len(json.loads(done.stdout)) == len(WRONG)


@pytest.mark.parametrize(
    ("name", "content", "arguments", "said"),
    [
        ("none.md", None, [], "not found"),
        ("empty.md", "", [], "empty"),
        ("prose.md", "hello\n", [], "no table"),
        ("other.md", "| a | b |\n|--|--|\n| c | d |\n", [], "模型"),
        ("score.md", "| Model | Score |\n|--|--|\n| gpt2 | 1 |\n", [], "parameters"),
        ("right.csv", "Model,Params\ngpt2,124M\n", ["--format", "papyrus"], "markdown"),
        ("right.csv", "Model,Params\ngpt2,124M\n", ["--format", "csv", "--json"], "contradict"),
        ("right.csv", "Model,Params\ngpt2,124M\n", ["--nosuch"], "--nosuch"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, name, content, arguments, said):
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code, out, err = ran(capsys, path, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_in_python():
    import fitwright

    report = fitwright.check_table(EXAMPLE)
    assert not report.passed
    assert [wrong.correct for wrong in report.wrong] == [right for *_, right, _ in WRONG]
