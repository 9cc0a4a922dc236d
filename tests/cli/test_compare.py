import csv
import io
import json
import subprocess
import sys

import pytest

from fitwright.cli.main import run

TEN = [
    "bert-base", "bert-large", "roberta-base", "deberta-v3-large", "t5-small", "t5-base", "t5-large", "gpt2",
    "gpt2-medium", "distilbert-base",
]  # fmt: skip
WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "numpy", "onnxruntime", "tokenizers", "rich.progress"):
    sys.modules[name] = None
from fitwright.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def output(capsys, *arguments):
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def error(capsys, *arguments):
    assert run(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_ten_models_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "compare", *TEN, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["asked"] for row in rows] == TEN
    totals = [row["model"]["parameters"]["total"] for row in rows]
    assert totals[:4] == [109_514_298, 335_174_458, 124_697_433, 434_012_160]
    for row in rows:
        assert isinstance(row["model"]["id"], str)
        assert isinstance(row["model"]["class"], str)
        assert isinstance(row["model"]["parameters"]["non_embedding"], int)
        asked = {"mode": "infer", "batch": 1, "seq": 128, "precision": "fp32"}
        assert asked.items() <= row["workload"].items()
        assert row["device"]["name"]
        for found in (row["memory"]["allocated"], row["memory"]["process"], row["latency"]):
            assert found is None or found["low"] <= found["value"] <= found["high"]
        assert row["memory"]["process"]["origin"] == "estimated"


def test_what_has_no_room_is_named_and_what_is_asked_for_is_shown(capsys, monkeypatch):
    arguments = ("compare", *TEN, "--device", "a100-80gb")
    for width, absent in ((200, ()), (110, ("Recommended use",)), (100, ("Weights", "Recommended use"))):
        monkeypatch.setenv("COLUMNS", str(width))
        table, notes = output(capsys, *arguments).split("\n\n")
        assert max(map(len, table.splitlines())) <= width
        left_out = [
            line for line in notes.splitlines() if line.startswith(f"Left out to fit {width} columns")
        ]
        assert len(left_out) == bool(absent)
        for title in ("Recommended use", "Weights", "Params", "Memory", "Latency", "Verdict"):
            assert (title in table.splitlines()[0]) != (title in absent)
            assert title not in absent or title in left_out[0]
    shown = output(capsys, *arguments, "--columns", "id,class,use,licence,memory,latency,verdict")
    assert "Recommended use" in shown
    assert "Left out" not in shown


def test_active_parameters_and_the_training_step_have_columns(capsys):
    text = output(
        capsys, "compare", "mistralai/Mixtral-8x7B-v0.1", "bert-base", "--device", "h200", "--format", "csv",
        "--columns", "parameters,active,flops,flops-training-step",
    )  # fmt: skip
    mixtral, bert = csv.DictReader(io.StringIO(text))
    assert 0.2 < int(mixtral["active"]) / int(mixtral["parameters"]) < 0.35
    assert bert["active"] == bert["parameters"]
    assert int(bert["flops-training-step_FLOP"]) == pytest.approx(3 * int(bert["flops_FLOP"]), rel=0.05)


def test_the_table_fits_and_lines_up(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "128")
    table = output(capsys, "compare", *TEN, "--device", "a100-80gb").split("\n\n")[0].splitlines()
    assert len(table) == 12
    rule = table[1]
    starts = [
        place for place in range(len(rule)) if rule[place] != " " and rule[place - 1 : place] in ("", " ")
    ]
    for line in table:
        assert len(line) <= len(rule) <= 128
        assert all(line[start - 2 : start] == "  " for start in starts[1:])
    assert "6+6" in table[6]
    assert "434.0M" in table[5]
    assert "~" in table[2]


def test_every_format_says_the_same(capsys):
    arguments = ("compare", "bert-base", "t5-small", "--columns", "model,parameters", "--format")
    assert "| bert-base-uncased |" in output(capsys, *arguments, "markdown")
    rows = list(csv.DictReader(io.StringIO(output(capsys, *arguments, "csv"))))
    assert rows[0] == {"model": "bert-base-uncased", "parameters": "109514298"}
    assert "<td>t5-small</td>" in output(capsys, *arguments, "html")
    full = json.loads(output(capsys, "compare", "bert-base", "t5-small", "--json"))
    assert full == json.loads(output(capsys, *arguments, "json"))


def test_what_is_not_known_is_null_not_left_out(capsys):
    (row,) = json.loads(
        output(capsys, "compare", "sijunhe/nezha-cn-base", "--precision", "bf16", "--json", "--device", "t4")
    )
    assert row["latency"] is None
    assert row["throughput"] is None
    assert row["memory"]["reserved"] is None
    assert row["largest_batch"] is None
    assert row["suggestions"] is None
    assert row["assumptions"]


def test_a_model_directory_stands_beside_catalogue_names(capsys, tiny_model_dir):
    mine, base = json.loads(output(capsys, "compare", str(tiny_model_dir), "bert-base", "--json"))
    assert mine["model"]["id"] == str(tiny_model_dir)
    assert mine["model"]["class"] == "BertForSequenceClassification"
    assert 0 < mine["model"]["parameters"]["total"] < base["model"]["parameters"]["total"]


def test_sorting_and_interval_columns(capsys):
    text = output(
        capsys, "compare", "bert-base", "bert-tiny", "bert-large", "--format", "csv", "--sort=-parameters",
        "--columns", "model,parameters,memory-low,memory,memory-high",
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["parameters"]) for row in rows] == [335_174_458, 109_514_298, 4_433_468]
    for row in rows:
        assert int(row["memory-low_bytes"]) <= int(row["memory_bytes"]) <= int(row["memory-high_bytes"])
    layers = output(
        capsys, "compare", "t5-large", "bert-base", "t5-small", "--sort", "layers", "--format", "csv",
        "--columns", "layers",
    )  # fmt: skip
    assert layers.split()[1:] in (["12", "6+6", "24+24"], ["6+6", "12", "24+24"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuchmodel"], "unknown model"),
        (["robertabase"], "Did you mean"),
        (["bert"], "ambiguous"),
        (["bert-base", "--device", "abacus"], "a100-40gb"),
        (["bert-base", "--precision", "fp7"], "int8"),
        (["bert-base", "--mode", "dream"], "infer, train"),
        (["bert-base", "--batch", "0"], "batch"),
        (["bert-base", "--columns", "model,colour"], "colour"),
        (["bert-base", "--sort", "colour"], "colour"),
        (["bert-base", "--format", "papyrus"], "markdown"),
        (["bert-base", "--format", "csv", "--json"], "contradict"),
        (["./no/such/folder"], "no such"),
        (["--nosuchoption"], "--nosuchoption"),
        ([], "MODELS"),
        (["bert-base", "--batch", "many"], "--batch"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, said):
    assert said in error(capsys, "compare", *arguments)


def test_the_catalogue_is_listed_and_filtered(capsys):
    rows = json.loads(
        output(
            capsys, "models", "--kind", "encoder", "--language", "zh", "--max-params", "50M", "--json",
        )
    )  # fmt: skip
    assert rows
    for row in rows:
        assert row["kind"] == "encoder"
        assert "zh" in row["languages"]
        assert row["parameters"]["total"] <= 50_000_000
    assert len(json.loads(output(capsys, "models", "--json"))) == 330
    assert len(json.loads(output(capsys, "models", "--search", "BART", "--limit", "2", "--json"))) == 2


def test_an_unconfirmed_licence_is_marked(capsys):
    table = output(capsys, "models", "--search", "distilbert-base-uncased")
    assert "apache-2.0 ?" in table
    (row,) = json.loads(output(capsys, "models", "--search", "distilbert-base-uncased", "--json"))
    assert row["licence"] == "apache-2.0"
    assert row["licence_source"] is None
    (other,) = json.loads(output(capsys, "models", "--search", "bert_uncased_L-2_H-128_A-2", "--json"))
    assert other["parameters"]["published"] is None  # its figure was not read in a source
    assert other["licence_source"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "toaster"], "encoder-decoder"),
        (["--task", "juggling"], "text-classification"),
        (["--language", "xx"], "zh"),
        (["--max-params", "many"], "many"),
    ],
)
def test_a_filter_that_matches_nothing_known_is_refused(capsys, arguments, said):
    assert said in error(capsys, "models", *arguments)
