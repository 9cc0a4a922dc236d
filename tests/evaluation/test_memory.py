from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.evaluation.memory import measure_peak_memory, run_probe

ROWS = [[101, *range(2000, 2000 + n), 102] for n in (3, 40, 7)]


def test_a_fresh_process_serves_onnx_without_torch(tiny_bundle: Path) -> None:
    answer = run_probe({
        "directory": str(tiny_bundle), "engine": "onnxruntime", "threads": 1, "pad_id": 0, "token_ids": ROWS,
    })  # fmt: skip
    assert answer["modules"] == ["onnxruntime"]
    assert 20e6 < answer["peak_bytes"] < 500e6


def test_the_peak_is_not_that_of_this_process(tiny_bundle: Path) -> None:
    ballast = bytearray(b"x" * 400_000_000)
    found = measure_peak_memory(tiny_bundle, "onnxruntime", ROWS, threads=1, repeats=2)
    assert found.value < len(ballast)
    assert (found.unit, found.origin) == ("B", "measured")
    assert (found.low or 0) <= found.value <= (found.high or 0)
    assert "process" in found.note


def test_a_failing_process_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="onnxruntime") as caught:
        measure_peak_memory(tmp_path, "onnxruntime", ROWS, repeats=1)
    assert "\n" not in str(caught.value)


def test_no_rows_or_repeats_is_a_usage_error(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError):
        measure_peak_memory(tiny_bundle, "onnxruntime", [])
    with pytest.raises(UsageError):
        measure_peak_memory(tiny_bundle, "onnxruntime", ROWS, repeats=0)
