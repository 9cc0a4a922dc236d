"""The benchmarks of the estimates: points, arithmetic, and what they say where they cannot run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from fitwright.catalog import store
from fitwright.sizing.interface import longer_than_allowed

SIZING = Path(__file__).parents[2] / "benchmarks" / "sizing"
KINDS = {"encoder", "decoder", "encoder-decoder", "vision", "multimodal", "cnn"}


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SIZING))
    import points

    return points


@pytest.fixture
def memory_report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SIZING))
    import memory_report

    return memory_report


def test_the_memory_points_are_what_the_claim_needs(points: ModuleType) -> None:
    found = points.points()
    assert len(found) >= 60
    assert len({point.key for point in found}) == len(found)
    assert len({point.id for point in found}) >= 12
    for mode in ("infer", "train"):
        assert {point.kind for point in found if point.workload.mode == mode} == KINDS
    work = [point.workload for point in found]
    assert any(one.precision == "bf16" and not one.is_autocast for one in work)
    assert any(one.is_autocast for one in work)
    assert any(one.attention == "eager" for one in work)
    assert any(one.checkpointing for one in work)
    assert any(one.accumulation > 1 for one in work)


def test_no_point_is_longer_than_its_model(points: ModuleType) -> None:
    said = [longer_than_allowed(store.load(point.id), point.workload) for point in points.points()]
    assert [one for one in said if one] == []


def test_errors_are_of_sizes_and_bias_has_a_sign(memory_report: ModuleType) -> None:
    found = memory_report.errors([-4.0, 1.0, 2.0, -3.0, 10.0])
    assert found == {"points": 5, "bias_pct": 1.0, "median_pct": 3.0, "p90_pct": 10.0, "worst_pct": 10.0}
    assert memory_report.errors([])["median_pct"] is None


def test_a_model_s_own_points_do_not_widen_its_interval(memory_report: ModuleType) -> None:
    def row(model: str, measured: float) -> dict[str, object]:
        return {
            "model": model,
            "measured_bytes": measured,
            "predicted": {"process": 100.0},
            "workload": {"mode": "train"},
        }

    rows = [row(f"other-{number}", 101.0) for number in range(12)] + [row("odd", 150.0), row("odd", 160.0)]
    memory_report.leave_models_out(rows)
    odd = rows[-1]["left_out"]
    assert odd["from_points"] == 12
    assert odd["high"] == pytest.approx(101.0)
    assert odd["above_upper"]
    assert not rows[0]["left_out"]["above_upper"]


def test_a_model_s_own_points_do_not_fit_its_prediction(memory_report: ModuleType) -> None:
    """The others show that holes are twice what is retained, half of the small blocks and 7 bytes; the odd
    model has none."""
    generator = random.Random(0)  # noqa: S311  # made-up points, nothing secret

    def row(model: str, mode: str, holes: float | None) -> dict[str, object]:
        retained, small = generator.uniform(1e6, 9e7), generator.uniform(1e6, 9e7)
        allocated = 5e8
        added = allocated + (2 * retained + 0.5 * small + 7e6 if holes is None else holes)
        use = memory_report.HeapUse(small=round(small), retained=round(retained))
        told = allocated + memory_report.holes_bytes(use)[0]
        return {
            "model": model, "workload": {"mode": mode}, "added_bytes": added,
            "predicted": {"process": told, "allocated": allocated, "heap": use._asdict()},
            "error_pct": 100 * (told - added) / added,
        }  # fmt: skip

    rows = [row(f"other-{number}", "infer", None) for number in range(12)]
    rows += [row("odd", "infer", 0.0), row("other-0", "train", 0.0)]
    memory_report.refit_holes(rows)
    assert rows[-2]["error_left_out_pct"] > 3
    found = memory_report.fit_holes(rows[:12])
    assert found == [pytest.approx(2.0), pytest.approx(0.5), pytest.approx(7e6, rel=1e-3)]
    assert rows[-1]["error_left_out_pct"] == rows[-1]["error_pct"]


def test_without_a_card_the_gpu_benchmark_says_what_to_do() -> None:
    pytest.importorskip("torch")
    ended = subprocess.run(
        [sys.executable, str(SIZING / "gpu.py")], capture_output=True, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "sees no CUDA card" in ended.stderr
    assert "NVIDIA card" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_other_tools_are_reported_as_absent(tmp_path: Path) -> None:
    """A tool that cannot be imported is named so, and the others still answer."""
    pytest.importorskip("transformers")
    (tmp_path / "torchinfo.py").write_text("raise ImportError('not installed')\n")
    (tmp_path / "accelerate.py").write_text("raise ImportError('not installed')\n")
    asked = '[{"id": "google/bert_uncased_L-2_H-128_A-2", "workload": {"batch": 2, "seq": 16}}]'
    ended = subprocess.run(
        [sys.executable, str(SIZING / "peers.py"), asked], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "absent: not installed" in ended.stdout
    assert "decoders only" in ended.stdout
