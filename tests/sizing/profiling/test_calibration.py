"""Factors that reference models tell: found again, robust, and the common one where nothing is told."""

from __future__ import annotations

import random

import pytest

from fitwright.sizing.profiling.calibration import factors

TRUTH = {"products": 0.8, "attention": 1.3, "moved": 1.5, "python": 2.0}


def models(count: int, seed: int = 0) -> list[dict[str, float]]:
    """Models whose groups weigh differently."""
    generator = random.Random(seed)  # noqa: S311  # models, nothing secret
    return [{group: generator.uniform(0.2, 1.0) ** 4 for group in TRUTH} for _ in range(count)]


def times(parts: list[dict[str, float]]) -> list[float]:
    return [sum(TRUTH[group] * seconds for group, seconds in part.items()) for part in parts]


def test_factors_are_found_again() -> None:
    parts = models(60)
    found = factors(parts, times(parts))
    assert found == {group: pytest.approx(value, rel=0.08) for group, value in TRUTH.items()}


def test_one_disturbed_model_does_not_move_them() -> None:
    parts = models(60)
    seconds = times(parts)
    seconds[7] *= 5
    assert factors(parts, seconds) == {group: pytest.approx(value, rel=0.1) for group, value in TRUTH.items()}


def test_what_no_model_tells_of_gets_the_common_factor() -> None:
    parts = [{"products": 1.0, "attention": 0.0}, {"products": 2.0, "attention": 0.0}]
    found = factors(parts, [1.5, 3.0])
    assert found["products"] == pytest.approx(1.5)
    assert found["attention"] == pytest.approx(1.5)


def test_what_is_no_operator_starts_from_one() -> None:
    found = factors([{"products": 1.0, "python": 0.0}], [2.0])
    assert found["python"] == pytest.approx(1.0)


def test_no_factor_is_negative() -> None:
    found = factors([{"products": 1.0, "moved": 1.0}, {"products": 1.0, "moved": 3.0}], [2.0, 0.5])
    assert min(found.values()) >= 0
