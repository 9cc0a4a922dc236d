"""``fitwright evaluate`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.cli.main import run

QUICK = ["--no-memory", "--seconds", "0.3", "--threads", "1"]


def test_prints_an_aligned_table_with_the_source(
    tiny_bundle: Path, reviews_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tiny_bundle), str(reviews_csv), "--against", str(tiny_bundle), *QUICK]
    assert run(["evaluate", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split("  ")[0]: line for line in lines}
    assert "onnxruntime fp32" in table["Engine"]
    assert "torch fp32" in table["Engine"]
    assert "0.00 points" in table["Drop"]
    for title in ("Accuracy", "Macro F1", "Size", "Latency p50", "Latency p95", "Throughput, batch 1"):
        assert table[title].index("  ") == len(title)
    start = table["Engine"].index("onnxruntime")
    assert all(
        line[start - 1] == " " and line[start] != " " for line in table.values() if line[:1] not in ("", "4")
    )
    assert "400 rows (all)" in lines[-1]


def test_json_alone_on_stdout(
    tiny_bundle: Path, reviews_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        str(tiny_bundle),
        str(reviews_csv),
        "--no-speed",
        "--no-memory",
        "--engine",
        "torch",
        "--json",
    ]
    assert run(["evaluate", *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["source"] is None
    assert printed["candidate"]["context"]["engine"] == "torch"
    assert set(printed["candidate"]["quantities"]) == {"accuracy", "f1", "parameters", "size"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "train"], "unknown part"),
        (["--split", "test"], "no split"),
        (["--batch", "0"], "batch must be at least 1"),
        (["--engine", "openvino"], "no such engine"),
        (["--label", "nothing"], "nothing"),
        (["--against", "absent"], "model directory not found"),
    ],
)
def test_wrong_use_is_one_line(
    tiny_bundle: Path,
    reviews_csv: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run(["evaluate", str(tiny_bundle), str(reviews_csv), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.splitlines()[-1].startswith("error: ")
