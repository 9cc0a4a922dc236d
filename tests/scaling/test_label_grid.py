"""The cells of a ladder of labelled data."""

from __future__ import annotations

import pytest

from fitwright.core.errors import DataError, UsageError
from fitwright.scaling.design.label_grid import (
    amounts_up_to,
    batch_rows,
    check_amounts,
    most_within,
    points_of,
)


def test_amounts_go_up_in_equal_ratios_to_all_rows() -> None:
    found = amounts_up_to(6400, classes=2)
    assert found == (100, 200, 400, 800, 1600, 3200, 6400)
    few = amounts_up_to(280, classes=2)
    assert (few[0], few[-1], len(few)) == (16, 280, 7)
    with pytest.raises(DataError, match=r"too few labelled rows for a ladder.*128 or more"):
        amounts_up_to(127, classes=2)
    with pytest.raises(DataError, match="1,600 or more"):
        amounts_up_to(1000, classes=50)  # four rows a class at least


def test_many_epochs_are_tried_where_they_cost_no_more_than_all_rows_once() -> None:
    points = points_of((100, 200, 400, 800, 1600, 3200, 6400), (3, 12), draws=2)
    assert all(p.rows * p.epochs <= 6400 * 3 for p in points)
    assert {p.rows for p in points if p.epochs == 12} == {100, 200, 400, 800, 1600}
    assert {p.rows for p in points if p.draw == 1} == {100, 200, 400, 800, 1600}
    assert len(set(points)) == len(points) == 7 + 5 + 2 * 5


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        ((20, 40, 80, 160, 320, 640), DataError, "fewer labelled rows than the ladder asks for"),
        ((20, 40, 80, 160), UsageError, "carry no learning curve"),
        ((2, 40, 80, 160, 320, 400), UsageError, "each at least 16"),
        ((100, 110, 120, 130, 140, 150), UsageError, "8 times the smallest"),
    ],
)
def test_amounts_that_carry_no_curve_are_refused(
    rows: tuple[int, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        check_amounts(rows, 500, classes=2)


def test_steps_stay_enough_on_few_rows() -> None:
    assert [batch_rows(rows) for rows in (16, 64, 128, 255, 256, 10_000)] == [8, 8, 16, 16, 32, 32]


def test_a_budget_pays_for_as_many_rows_as_it_can() -> None:
    def cost(amounts: tuple[int, ...]) -> float:
        return float(sum(amounts))

    most = most_within(3000.0, 10_000, 2, cost)  # type: ignore[arg-type]
    assert sum(amounts_up_to(most, 2)) <= 3000 < sum(amounts_up_to(round(most * 1.05), 2))
    assert most_within(1e6, 10_000, 2, cost) == 10_000  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="budget is too small"):
        most_within(100.0, 10_000, 2, cost)  # type: ignore[arg-type]
