from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from fitwright.sizing.ledger.intervals import Known
from fitwright.sizing.ledger.residuals import points
from fitwright.sizing.ledger.summary import Choice, error_table
from tests.sizing.ledger.making import GROUP, entries, entry


def test_the_figures_by_hand() -> None:
    errors = [0.5, -0.5, 0.1, 0.0, 0.2]  # of the estimate, as a share of what was measured
    own = [entry(-_log(1 + error), model=f"m{n}", seq=10 + n) for n, error in enumerate(errors)]
    own.append(entry(3.0, disturbed=True))
    (row,) = error_table(own, Known(points(own)))
    assert row.group == GROUP
    assert (row.points, row.models, row.entries, row.disturbed) == (5, 5, 6, 1)
    assert row.median_error == pytest.approx(0.2)
    assert row.p90_error == pytest.approx(0.5)
    assert row.worst_error == pytest.approx(0.5)
    assert row.bias == pytest.approx(0.1)
    assert row.held == 1.0
    assert row.left_out is None
    assert row.calibration is None


def test_coverage_told_and_left_out() -> None:
    own = [*entries(40, 4, spread=0.05), *(entry(2.0, model="odd", seq=n) for n in range(1, 11))]
    (row,) = error_table(own, Known(points(own)))
    assert row.held == pytest.approx(0.8)
    assert row.left_out is not None
    assert 0.7 < row.left_out <= 0.8
    assert row.calibration is not None
    assert row.calibration.level == "this group"
    json.dumps(row.as_json(), allow_nan=False)


def test_groups_are_apart_and_in_order() -> None:
    own = [entry(quantity="throughput"), entry(mode="train"), entry(), entry(disturbed=True, engine="other")]
    rows = error_table(own, Known(()))
    assert [(r.group.quantity, r.group.mode, r.group.engine) for r in rows] == [
        ("latency", "infer", "other"), ("latency", "infer", "torch"), ("latency", "train", "torch"),
        ("throughput", "infer", "torch"),
    ]  # fmt: skip
    assert rows[0].median_error is None
    assert rows[0].points == 0
    assert error_table([], Known(())) == ()


@pytest.mark.parametrize(
    ("choice", "passes"),
    [
        (Choice(), True), (Choice(device="two"), True), (Choice(device="cpu"), True),
        (Choice(device="gpu"), False), (Choice(mode="train"), False), (Choice(quantity="late"), False),
        (Choice(quantity="latency", model="ONE"), True), (Choice(model="two"), False),
        (Choice(since=datetime(2026, 11, 20, tzinfo=UTC)), True),
        (Choice(since=datetime(2026, 11, 21, tzinfo=UTC)), False),
    ],
)  # fmt: skip
def test_choosing(choice: Choice, passes: bool) -> None:
    assert choice(entry()) == passes


def _log(value: float) -> float:
    from math import log

    return log(value)
