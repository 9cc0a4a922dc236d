"""What a shape is predicted to cost, and how a measurement corrects the next prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.catalog.local import read_model_directory
from fitwright.compression.candidates import Candidate, plan
from fitwright.compression.prediction import Lengths, favourable, learn, predict
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity

DEVICE = Device(
    name="a machine", kind="cpu", cores=2, memory_bytes=16 * 10**9, bandwidth_bytes_per_s=2e10,
    peak_flops={"fp32": 3e11, "int8": 1.2e12},
)  # fmt: skip
LENGTHS = Lengths(median=24, p95=48, mean=25)


@pytest.fixture(scope="module")
def spec(encoder_dir: Path) -> ModelSpec:
    return read_model_directory(encoder_dir)


@given(st.lists(st.integers(1, 512), min_size=1, max_size=300))
def test_lengths_come_from_the_rows(lengths: list[int]) -> None:
    found = Lengths.of(lengths)
    assert {found.median, found.p95} <= set(lengths)
    assert found.median <= found.p95
    assert min(lengths) <= found.mean <= max(lengths)
    assert sum(n <= found.p95 for n in lengths) >= 0.95 * len(lengths)


def test_fewer_layers_cost_less_of_everything(spec: ModelSpec) -> None:
    rows = [predict(c, spec, DEVICE, LENGTHS) for c in plan(6)[1:]]
    for name in ("parameters", "size", "latency-p50", "latency-p95"):
        values = [row[name].value for row in rows]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)
    rates = [row["throughput"].value for row in rows]
    assert rates == sorted(rates)


def test_a_prediction_says_that_it_is_one(spec: ModelSpec) -> None:
    row = predict(plan(6)[1], spec, DEVICE, LENGTHS, batch=4)
    assert row["parameters"].origin == "exact"
    for name in ("size", "latency-p50", "latency-p95", "throughput"):
        quantity = row[name]
        assert quantity.origin == "estimated"
        assert quantity.low < quantity.value < quantity.high  # type: ignore[operator]
    assert row["latency-p50"].value <= row["latency-p95"].value
    assert (row.context["batch"], row.context["seq_p95"]) == (4, 48)


def test_learning_meets_the_measurement_and_narrows_the_next(spec: ModelSpec) -> None:
    whole, five = plan(6)[1], plan(6)[2]
    raw = predict(whole, spec, DEVICE, LENGTHS)
    twice = raw.with_quantities(
        latency_p95=Quantity.measured(2 * raw["latency-p95"].value, "s", low=0, high=1e9)
    )
    learned = learn(raw, twice)
    assert learned["latency-p95"].factor == pytest.approx(2.0)
    assert predict(whole, spec, DEVICE, LENGTHS, learned)["latency-p95"].value == pytest.approx(
        2 * raw["latency-p95"].value
    )
    before, after = (predict(five, spec, DEVICE, LENGTHS, known)["latency-p95"] for known in (None, learned))
    assert after.value == pytest.approx(2 * before.value)
    assert after.high / after.low < before.high / before.low  # type: ignore[operator]
    assert predict(five, spec, DEVICE, LENGTHS, learned)["parameters"].origin == "exact"


def test_favourable_is_the_kind_end_of_every_interval(spec: ModelSpec) -> None:
    row = predict(Candidate(layers=3, of_layers=6, precision="int8"), spec, DEVICE, LENGTHS)
    kind = favourable(row)
    assert kind["latency-p95"] == row["latency-p95"].low
    assert kind["size"] == row["size"].low
    assert kind["throughput"] == row["throughput"].high
    assert kind["parameters"] == row["parameters"].value
