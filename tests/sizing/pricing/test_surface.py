"""Exact at the cells, sensible between and beyond them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import DataError
from fitwright.sizing.pricing.surface import Cell, Surface, agreement, fit
from tests.sizing.pricing.machines import ROWS, WEIGHTS, curve, linear, linear_s, moved_s, surface


def test_every_cell_is_priced_as_it_was_measured() -> None:
    made = linear()
    for cell in made.cells:
        assert made.price(cell.at).seconds == pytest.approx(cell.seconds, rel=1e-9)
        assert not made.price(cell.at).outside


@given(
    m=st.integers(1, 1024), n=st.integers(256, 3072), k=st.integers(256, 3072)
)  # fmt: skip
def test_a_machine_of_constant_speed_is_known_between_its_cells(m: int, n: int, k: int) -> None:
    assert linear().price((m, n, k)).seconds == pytest.approx(linear_s(m, n, k), rel=0.02)


def test_beyond_the_last_cell_the_work_goes_on_growing() -> None:
    made = curve()
    assert made.price((1e9,)).seconds == pytest.approx(moved_s(1e9), rel=0.02)
    assert made.price((1e9,)).outside
    assert made.price((10.0,)).seconds == pytest.approx(moved_s(10), rel=0.02)


def test_the_efficiency_of_the_nearest_cell_holds_beyond_the_last() -> None:
    times = {(1e4,): 1e-6, (1e6,): 1e-4, (1e8,): 5e-2}  # at 1e8 five times slower than the others foretell
    made = surface("bytes", times)
    assert made.price((1e9,)).seconds / made.price((1e8,)).seconds == pytest.approx(10, rel=0.05)


def test_between_two_measured_rows_the_price_lies_between_them() -> None:
    times = {(m, 768.0, 768.0): s for m, s in ((1.0, 1e-4), (16.0, 1.1e-4), (128.0, 1.6e-3))}
    made = surface("matmul", times)
    assert 1.1e-4 < made.price((48, 768, 768)).seconds < 1.6e-3


def test_an_unmeasured_weight_goes_with_the_nearest_ones() -> None:
    times = {
        (m, n, k): linear_s(m, n, k) * (3 if n == 3072 else 1) for m in map(float, ROWS) for n, k in WEIGHTS
    }
    made = surface("matmul", times)
    ratio = made.price((128, 2900, 800)).seconds / linear_s(128, 2900, 800)
    assert 1.8 < ratio <= 3.1
    assert made.price((128, 300, 260)).seconds / linear_s(128, 300, 260) < 1.5


def test_neighbours_that_agree_are_believed_and_noise_is_not() -> None:
    places = [float(place) for place in range(12)]
    smooth = [0.1 * place for place in places]
    noise = [0.3 * (-1) ** number for number in range(12)]
    assert agreement([(places, smooth)]) == pytest.approx(1.0)
    assert agreement([(places, noise)]) == 0.0
    assert 0.2 < agreement([(places, [s + n for s, n in zip(smooth, noise, strict=True)])]) < 1.0
    assert agreement([(places[:4], noise[:4])]) == 1.0  # too few to judge


def test_noise_in_the_cells_does_not_reach_the_price() -> None:
    times = {
        (float(m), 768.0, 768.0): linear_s(m, 768, 768) * (1.4 if number % 2 else 0.7)
        for number, m in enumerate(range(8, 520, 32))
    }
    made = surface("matmul", times)
    assert made.trust == 0.0
    price = made.price((104, 768, 768)).seconds
    assert price == pytest.approx(linear_s(104, 768, 768), rel=0.15)


def test_a_weight_far_from_all_measured_ones_is_outside() -> None:
    assert linear().price((128, 50_000, 64)).outside
    assert not linear().price((128, 1536, 384)).outside


def test_one_cell_alone_scales_with_the_work() -> None:
    alone = surface("matmul", {(128.0, 768.0, 768.0): 1e-3})
    assert alone.price((1280, 768, 768)).seconds == pytest.approx(1e-2, rel=0.02)


@given(
    st.lists(st.floats(1e-9, 1e-3), min_size=3, max_size=3),
    st.lists(st.tuples(st.floats(1, 1e3), st.floats(1, 1e3)), min_size=6, max_size=12, unique=True),
)
def test_the_fit_has_no_negative_coefficient_and_explains_its_data_no_worse_than_the_truth(
    truth: list[float], points: list[tuple[float, float]]
) -> None:
    rows = [(1.0, a, a * b) for a, b in points]
    seconds = [sum(c * t for c, t in zip(truth, row, strict=True)) for row in rows]
    found = fit(rows, seconds)
    assert all(c >= 0 for c in found)
    worst = max(
        abs(sum(c * t for c, t in zip(found, row, strict=True)) / s - 1)
        for row, s in zip(rows, seconds, strict=True)
    )
    assert worst < 0.1


def test_round_trip() -> None:
    made = linear()
    again = Surface.from_json(made.as_json())
    assert again.price((77, 512, 700)).seconds == pytest.approx(made.price((77, 512, 700)).seconds, rel=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        {}, {"kind": "matmul", "coefficients": [], "cells": []},
        {"kind": "strange", "coefficients": [], "cells": [[1.0, 1e-3, 0.0]]},
        {"kind": "bytes", "coefficients": [], "cells": [[1.0, -1e-3, 0.0]]},
        {"kind": "bytes", "coefficients": [], "cells": [[1.0, "fast", 0.0]]},
        {"kind": "matmul", "coefficients": [], "cells": [[1.0, 2.0, 1e-3, 0.0]]},
    ],
)  # fmt: skip
def test_a_broken_surface_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(DataError):
        Surface.from_json(data)


def test_prices_are_finite_for_any_size() -> None:
    made = Surface("attention", (Cell((12, 128, 1.0, 64), 1e-3, 0.0),))
    assert math.isfinite(made.price((1, 1, 1e6, 1)).seconds)
