"""``fitwright ledger`` as a user types it."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fitwright.api.ledger import parse_since
from fitwright.cli.main import run
from fitwright.core.errors import UsageError
from fitwright.sizing.ledger import store
from tests.sizing.ledger.making import entries, entry

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def filled() -> Path:
    """70 entries: a good latency, a biased one of another device, two of the memory, one disturbed."""
    store.append(entries(40, 5, spread=0.05))
    store.append(entries(27, 6, bias=0.5, device="Big Box", engine="onnxruntime", precision="int8"))
    store.append([
        entry(0.02, quantity="memory-process", unit="B"), entry(0.03, quantity="memory-process", unit="B"),
        entry(2.0, disturbed=True, when="2025-01-01T00:00:00+00:00", model="private"),
    ])  # fmt: skip
    return store.ledger_path()


def output(capsys: Capture, *arguments: str) -> str:
    assert run(["ledger", *arguments]) == 0
    return capsys.readouterr().out


def test_an_empty_ledger_says_how_to_fill_it(capsys: Capture) -> None:
    assert "fitwright evaluate" in output(capsys)
    assert json.loads(output(capsys, "--json")) == {
        "schema": 1, "path": str(store.ledger_path()), "total": 0, "entries": 0, "skipped": None,
        "groups": [], "points": None,
    }  # fmt: skip
    assert output(capsys, "--clear") == "0 entries removed.\n"


def test_the_error_table(filled: Path, capsys: Capture) -> None:
    text = output(capsys)
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith(("latency", "memory"))]
    assert len(rows) == 3
    one_device = output(capsys, "--device", "two").splitlines()
    assert len(one_device[0]) <= 130
    assert "Device" not in one_device[0]
    big, two, memory = rows
    assert "Big Box" in big
    assert "int8" in big
    assert "this group" in big
    assert "Two Cores" in two
    assert "100 %" in two  # all held by the wide interval that was told
    assert "assumed" in memory
    assert "1 disturbed by other work" in text
    assert "90 %" in text


def test_the_same_as_json(filled: Path, capsys: Capture) -> None:
    found = json.loads(output(capsys, "--json"))
    assert (found["total"], found["entries"], found["points"]) == (70, 70, None)
    big = found["groups"][0]
    assert big["group"] == {
        "quantity": "latency", "device": "Big Box", "device_kind": "cpu", "mode": "infer",
        "engine": "onnxruntime", "precision": "int8", "method": "formula",
    }  # fmt: skip
    assert (big["points"], big["models"]) == (27, 6)
    assert big["bias"] == pytest.approx(-0.4, abs=0.05)
    assert big["calibration"]["centre"] == pytest.approx(1.65, rel=0.1)
    assert big["calibration"]["low"] < big["calibration"]["centre"] < big["calibration"]["high"]
    assert 0.6 <= big["left_out"] <= 1
    assert found["groups"][2]["calibration"] is None
    assert json.loads(output(capsys, "--format", "json")) == found


def test_other_formats(filled: Path, capsys: Capture) -> None:
    rows = list(csv.DictReader(io.StringIO(output(capsys, "--format", "csv"))))
    assert [row["quantity"] for row in rows] == ["latency", "latency", "memory-process"]
    assert float(rows[1]["median-error"]) < 0.1
    assert rows[2]["low"] == ""
    assert output(capsys, "--format", "markdown").startswith("| Quantity")
    assert "<td>Big Box</td>" in output(capsys, "--format", "html")


def test_the_single_entries(filled: Path, capsys: Capture) -> None:
    text = output(capsys, "--points", "--quantity", "memory-process")
    assert text.count("acme/one") == 2
    found = json.loads(output(capsys, "--points", "--json", "--model", "private"))
    assert [point["disturbed"] for point in found["points"]] == [True]
    assert found["points"][0]["estimated"] == {"value": 0.01, "low": 0.004, "high": 0.03}
    rows = list(csv.DictReader(io.StringIO(output(capsys, "--points", "--format", "csv"))))
    assert len(rows) == 70
    assert float(rows[0]["estimated"]) == 0.01
    assert rows[-1]["unit"] == "s"
    shown = output(capsys, "--points", "--model", "private")
    assert "~10.0 ms (4.00 ms to 30.0 ms)" in shown
    assert "73.9 ms" in shown
    assert "−86 %" in shown


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--device", "big"], 27), (["--device", "cpu"], 70), (["--mode", "infer"], 70),
        (["--mode", "train"], 0), (["--quantity", "latency"], 68), (["--model", "ACME/0"], 13),
        (["--since", "2026-01-01"], 69), (["--quantity", "latency", "--device", "two"], 41),
    ],
)  # fmt: skip
def test_filters(filled: Path, capsys: Capture, arguments: list[str], count: int) -> None:
    assert json.loads(output(capsys, *arguments, "--json"))["entries"] == count


def test_no_entry_left_is_said(filled: Path, capsys: Capture) -> None:
    assert "No entry" in output(capsys, "--mode", "train")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "dream"], "infer, train"),
        (["--quantity", "beauty"], "memory-process"),
        (["--device", "abacus"], "Big Box"),
        (["--model", "nobody"], "private"),
        (["--since", "yesterday"], "2026-11-01"),
        (["--since", "99999999999999w"], "calendars"),
        (["--format", "papyrus"], "markdown"),
        (["--format", "csv", "--json"], "contradict"),
        (["--yes"], "--clear"),
        (["--clear"], "Add --yes"),
    ],
)
def test_wrong_use_is_one_line(filled: Path, capsys: Capture, arguments: list[str], said: str) -> None:
    assert run(["ledger", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert len(store.read().entries) == 70


def test_clearing(filled: Path, capsys: Capture) -> None:
    assert output(capsys, "--clear", "--yes", "--device", "big") == "27 entries removed.\n"
    assert len(store.read().entries) == 43
    assert json.loads(output(capsys, "--clear", "--yes", "--json")) == {"removed": 43}
    assert store.read().entries == ()


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 70), ("\n", 70)])
def test_clearing_asks_first(
    filled: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert run(["ledger", "--clear"]) == 0
    printed = capsys.readouterr()
    assert "all 70 entries" in printed.err
    assert printed.out == f"{70 - left} entries removed.\n"
    assert len(store.read().entries) == left


def test_damaged_lines_are_said(filled: Path, capsys: Capture) -> None:
    with filled.open("a") as file:
        file.write('{"schema": 1, "when": ')
    assert "1 line damaged" in output(capsys)
    assert "1 line damaged" in json.loads(output(capsys, "--json"))["skipped"]


def test_moments() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert parse_since("7d", now) == datetime(2026, 11, 14, 12, tzinfo=UTC)
    assert parse_since("2w", now) == datetime(2026, 11, 7, 12, tzinfo=UTC)
    assert parse_since("36h", now) == datetime(2026, 11, 20, 0, tzinfo=UTC)
    assert parse_since("2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert parse_since("2026-11-01T12:00+02:00") == datetime(2026, 11, 1, 10, tzinfo=UTC)
    with pytest.raises(UsageError, match="not a moment"):
        parse_since("7 parsecs")


def test_evaluate_fills_it(
    tiny_bundle: Path, reviews_csv: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ["--no-memory", "--seconds", "0.3", "--threads", "1"]
    assert run(["evaluate", str(tiny_bundle), str(reviews_csv), *quick]) == 0
    capsys.readouterr()
    groups = json.loads(output(capsys, "--json"))["groups"]
    assert {row["group"]["quantity"] for row in groups} == {"latency", "latency-p95", "throughput", "size"}
    assert {row["group"]["engine"] for row in groups} == {"onnxruntime"}
