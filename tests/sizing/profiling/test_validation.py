"""A profile held against a real model, and what the ledger keeps of it."""

from __future__ import annotations

import pytest

from fitwright.sizing.ledger import store
from fitwright.sizing.profiling.validation import METHOD, Point, Validation, validate
from tests.sizing.pricing.machines import curve, linear, profile, surface


def point(measured_s: float, estimated_s: float) -> Point:
    return Point(
        model="m", engine="torch", precision="fp32", batch=1, seq=8,
        measured_s=measured_s, measured_low_s=measured_s, measured_high_s=measured_s,
        estimated_s=estimated_s, estimated_low_s=estimated_s, estimated_high_s=estimated_s,
    )  # fmt: skip


def test_errors_are_summed_up() -> None:
    found = Validation(points=tuple(point(1.0, 1.0 + n / 100) for n in range(1, 11)), repeat_error=0.01)
    assert found.median_error == pytest.approx(0.055)
    assert found.p90_error == pytest.approx(0.09)
    assert found.as_json()["points"][0]["error"] == pytest.approx(0.01)
    assert Validation(points=(), repeat_error=0).p90_error == 0


def test_every_point_goes_into_the_ledger_beside_its_estimate() -> None:
    attention = surface("attention", {(12.0, 64.0, 1.0, 64.0): 1e-4})
    machine = profile(
        {"torch/fp32/attention": attention, "onnxruntime/fp32/linear": linear(),
         "onnxruntime/fp32/add": curve(),
         "onnxruntime/fp32/attention": attention}
    )  # fmt: skip
    machine.device["threads"] = 1  # type: ignore[index]
    found = validate(machine, seconds=0.2, models=("bert-4x256", "encoder-4x256"), points=((1, 8), (2, 8)))
    assert [(p.model, p.engine, p.batch) for p in found.points] == [
        ("bert-4x256", "torch", 1), ("bert-4x256", "torch", 2),
        ("encoder-4x256", "onnxruntime", 1), ("encoder-4x256", "onnxruntime", 2),
    ]  # fmt: skip
    assert all(p.measured_low_s <= p.measured_s <= p.measured_high_s for p in found.points)
    kept = store.read().entries
    assert len(kept) == 4
    assert {(e.method, e.source, e.profile_id, e.quantity) for e in kept} == {
        (METHOD, "profile", "made-up", "latency")
    }
    assert [e.measured.value for e in kept] == [p.measured_s for p in found.points]
