from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.ledger.residuals import Group, median, nearest_rank, points
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload
from tests.sizing.ledger.making import GROUP, entry


def test_repeats_become_one_point() -> None:
    found = points([entry(0.1), entry(0.3), entry(0.2), entry(0.2, seq=64), entry(1.5)])
    assert [(p.seq, p.repeats) for p in found] == [(32, 4), (64, 1)]
    assert found[0].residual == pytest.approx(0.25)
    assert found[0].held == 0.75
    assert found[0].group == GROUP


@pytest.mark.parametrize(
    "other",
    [
        {"batch": 2}, {"seq": 33}, {"threads": 1}, {"precision": "bf16"}, {"engine": "onnxruntime"},
        {"device": "Four Cores"}, {"mode": "train"}, {"quantity": "latency-p95"}, {"method": "profile"},
        {"model": "acme/two"},
    ],
)  # fmt: skip
def test_what_differs_is_another_point(other: dict[str, object]) -> None:
    assert len(points([entry(), entry(**other)])) == 2


def test_models_of_one_shape_are_one_model() -> None:
    (one,) = points([entry(model="teacher", shape="abc"), entry(model="bundle", shape="abc")])
    assert (one.model, one.repeats) == ("abc", 2)


def test_disturbed_measurements_do_not_count() -> None:
    (one,) = points([entry(2.0, disturbed=True), entry(0.0)])
    assert (one.residual, one.repeats) == (pytest.approx(0), 1)


def test_errors_are_signed_shares_of_what_was_measured() -> None:
    (slower,) = points([entry(0.6931471805599453)])
    assert slower.error == pytest.approx(-0.5)  # told 10 ms, measured 20 ms


def test_the_group_of_a_question_is_that_of_its_answer() -> None:
    device = Device(name="Two Cores", kind="cpu", cores=2)
    assert Group.asked("latency", device, Workload(precision="fp32"), engine="torch") == Group.of(entry())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_middle_is_the_middle(values: list[float]) -> None:
    assert median(values) == pytest.approx(statistics.median(values))


@pytest.mark.parametrize(("percent", "expected"), [(90, 9), (91, 10), (100, 10), (1, 1), (50, 5)])
def test_nearest_rank(percent: int, expected: int) -> None:
    assert nearest_rank(list(range(10, 0, -1)), percent) == expected
