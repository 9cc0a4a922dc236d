from __future__ import annotations

import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.ledger.conformal import calibrate, left_one_out
from fitwright.sizing.ledger.residuals import points
from tests.sizing.ledger.making import draws, entries, entry


def samples(*residuals: float, model: str | None = "m") -> list[tuple[str | None, float]]:
    return [(model, residual) for residual in residuals]


def test_the_rank_by_hand() -> None:
    nine = calibrate(samples(*(n / 100 for n in range(1, 10))))
    assert nine is not None
    assert math.log(nine.high) == pytest.approx(0.09)  # ⌈0.9 · 10⌉ = 9: the largest of nine
    assert math.log(nine.low) == pytest.approx(-0.09)
    nineteen = calibrate(samples(*(n / 100 for n in range(1, 20))))
    assert nineteen is not None
    assert math.log(nineteen.high) == pytest.approx(0.18)  # ⌈0.9 · 20⌉ = 18 of 19
    assert (nineteen.count, nineteen.models, nineteen.centre) == (19, 1, 1.0)


def test_fewer_than_nine_say_nothing() -> None:
    assert calibrate(samples(*[0.0] * 8)) is None
    assert calibrate([]) is None


def test_both_sides_by_themselves_where_there_are_enough() -> None:
    found = calibrate(samples(*(n / 100 for n in range(1, 40))))
    assert found is not None
    assert math.log(found.high) == pytest.approx(0.38)  # ⌈0.95 · 40⌉ = 38 of 39
    assert found.low == 1.0  # the second smallest is 0.02, and the estimate itself must lie inside
    spread = calibrate(samples(*((n - 20) / 100 for n in range(1, 40))))
    assert spread is not None
    assert math.log(spread.low) == pytest.approx(-0.18)
    assert math.log(spread.high) == pytest.approx(0.18)


def test_the_bias_is_taken_out_from_five_models_on() -> None:
    def of(models: int) -> list[tuple[str | None, float]]:
        return [(f"m{n % models}", 0.5 + n / 1000) for n in range(20)]

    four, five = calibrate(of(4), correct_bias=True), calibrate(of(5), correct_bias=True)
    assert four is not None
    assert five is not None
    assert four.centre == 1.0
    assert math.log(five.centre) == pytest.approx(0.5095)
    assert five.low < five.centre < five.high
    assert five.high / five.low < four.high / four.low
    unknown = calibrate([(None, residual) for _, residual in of(5)], correct_bias=True)
    assert unknown is not None
    assert (unknown.centre, unknown.models) == (1.0, None)


def test_a_residual_does_not_judge_the_centre_that_it_set() -> None:
    """Five models of two points each: seen from the others' centre, each is farther off than from its own."""
    rows = [(f"m{n}", 0.2 * n) for n in range(5) for _ in range(2)]
    found = calibrate(rows, correct_bias=True)
    assert found is not None
    assert math.log(found.centre) == pytest.approx(0.4)
    assert math.log(found.high) == pytest.approx(0.4 + 0.5)  # 0.8 from the others' centre 0.3; 10th of 10


def test_one_model_with_many_points_does_not_set_the_centre() -> None:
    many = [("big", 1.0)] * 30 + [(f"m{n}", 0.0) for n in range(4)]
    found = calibrate(many, correct_bias=True)
    assert found is not None
    assert found.centre == 1.0
    assert math.log(found.high) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [9, 12, 25, 39, 60, 120])
def test_nine_in_ten_of_new_points_are_covered(count: int) -> None:
    trials, stream = 3000, draws(count)
    covered = 0
    for _ in range(trials):
        found = calibrate(samples(*islice(stream, count)))
        assert found is not None
        covered += math.log(found.low) <= next(stream) <= math.log(found.high)
    assert covered / trials > 0.9 - 3 * math.sqrt(0.09 / trials)
    if count >= 60:
        assert covered / trials < 0.96  # and not because the interval is as wide as can be


@given(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.floats(-3, 3)), min_size=9, max_size=80), st.booleans()
)
def test_the_estimate_lies_in_its_interval(rows: list[tuple[str, float]], bias: bool) -> None:
    found = calibrate(rows, correct_bias=bias)
    assert found is not None
    assert 0 < found.low <= found.centre <= found.high
    if bias:
        return  # its reach is measured from other centres than its own
    inside = sum(found.low * (1 - 1e-9) <= math.exp(r) <= found.high * (1 + 1e-9) for _, r in rows)
    assert inside >= 0.9 * len(rows) - 1e-9


def test_a_model_that_is_unlike_the_others_is_not_covered_by_them() -> None:
    alike = points(entries(60, 6, spread=0.05))
    covered, judged = left_one_out(alike)
    assert judged == 60
    assert 50 <= covered <= 60
    strange = points([*entries(60, 6, spread=0.05), *(entry(1.0, model="odd", seq=n) for n in range(1, 31))])
    covered, judged = left_one_out(strange)
    assert judged == 90
    assert covered <= 60  # all thirty of the odd one are missed


def test_one_model_alone_cannot_be_judged() -> None:
    assert left_one_out(points(entries(30, 1))) == (0, 0)
    assert left_one_out(points(entries(9, 3))) == (0, 0)
