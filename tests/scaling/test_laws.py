"""One suite for every law: its slope is its slope, its public numbers come back, its own data give them
again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.scaling.cells import cells_of
from fitwright.scaling.choice import LAWS
from fitwright.scaling.fitting import fit_once
from tests.scaling.synthetic import TRUE, grid, runs_from

KNOWN = {
    "chinchilla": TRUE,
    "chinchilla-tied": {"E": 1.9, "A": 560.0, "B": 1750.0, "alpha": 0.357, "beta": 0.357},
    "data-only": {"E": 1.9, "B": 1750.0, "beta": 0.35},
    "data-constrained": {**TRUE, "R_D": 15.4, "R_N": 5.3},
    "data-constrained-tied": {
        "E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.3527, "beta": 0.3527, "R_D": 15.39, "R_N": 5.31,
    },
    "overfitting": {**TRUE, "K": 0.02, "kappa": 0.6, "nu": 0.8},
    "isoflop": {"E": 1.8, "K": 900.0, "gamma": 0.17, "G": 0.08, "a": 0.5, "h": 0.05},
}  # fmt: skip


def repeated_grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes × unique tokens × epochs."""
    parts = np.meshgrid(np.geomspace(1e7, 2e9, 7), np.geomspace(1e8, 3e10, 5), [1.0, 3.0, 12.0, 50.0])
    size, unique, epochs = (part.ravel() for part in parts)
    return size, unique * epochs, unique


def test_every_law_is_checked() -> None:
    assert set(KNOWN) == set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_the_slope_is_the_derivative(name: str) -> None:
    law, (size, data, unique) = LAWS[name], repeated_grid()
    cells = cells_of(size, data, unique)
    theta = law.inner(KNOWN[name], cells)[None]
    _, slope = law.log_loss_and_slope(theta, cells)
    for place in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[0, place] = 1e-6
        ends = [law.log_loss_and_slope(theta + sign * step, cells)[0] for sign in (1, -1)]
        np.testing.assert_allclose(slope[:, place], (ends[0] - ends[1]) / 2e-6, atol=2e-6)


@pytest.mark.parametrize("name", LAWS)
def test_public_numbers_come_back_whatever_the_reference(name: str) -> None:
    law, (size, data, unique) = LAWS[name], repeated_grid()
    for centre in (True, False):
        cells = cells_of(size, data, unique, centre=centre)
        public = law.public(law.inner(KNOWN[name], cells)[None], cells)
        assert tuple(public) == law.parameters
        assert {key: float(value[0]) for key, value in public.items()} == pytest.approx(KNOWN[name], rel=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_a_law_finds_its_own_numbers(name: str) -> None:
    law = LAWS[name]
    repeats = {"R_D", "kappa"} & set(law.parameters)
    runs = runs_from(name, KNOWN[name], *(repeated_grid() if repeats else grid()))
    solution = fit_once(law, runs.cells, runs.loss)
    found = {key: float(value[0]) for key, value in law.public(solution.theta, runs.cells).items()}
    assert solution.objective[0] < 1e-10
    assert found == pytest.approx(KNOWN[name], rel=0.02)


@settings(max_examples=15, deadline=None)
@given(
    floor=st.floats(0.5, 3), alpha=st.floats(0.2, 0.6), beta=st.floats(0.2, 0.6), shares=st.floats(0.2, 0.8)
)
def test_chinchilla_is_recovered_from_any_clean_table(
    floor: float, alpha: float, beta: float, shares: float
) -> None:
    size, data = grid()
    middle = np.log(size).mean(), np.log(data).mean()
    true = {
        "E": floor, "A": shares * np.exp(alpha * middle[0]), "B": (1 - shares) * np.exp(beta * middle[1]),
        "alpha": alpha, "beta": beta,
    }  # fmt: skip
    runs = runs_from("chinchilla", true, size, data)
    law = LAWS["chinchilla"]
    solution = fit_once(law, runs.cells, runs.loss)
    found = {key: float(value[0]) for key, value in law.public(solution.theta, runs.cells).items()}
    assert found == pytest.approx(true, rel=0.01)


def test_the_worth_of_repeats_is_as_published() -> None:
    """Muennighoff et al. 2023, equation 5: one pass counts fully, endless ones are worth U·(1 + R_D)."""
    law = LAWS["data-constrained-tied"]
    values = {"E": 1e-9, "A": 1000.0, "B": 1000.0, "alpha": 0.3, "beta": 0.3, "R_D": 15.0, "R_N": 5.0}
    epochs = np.array([1.0, 4.0, 1e5])
    cells = cells_of(np.full(3, 1e6), 1e9 * epochs, np.full(3, 1e9), centre=False)
    log_loss, _ = law.log_loss_and_slope(law.inner(values, cells)[None], cells)
    by_data = np.exp(log_loss[0]) - 1000.0 / 1e6**0.3
    worth = (1000.0 / by_data) ** (1 / 0.3) / 1e9
    np.testing.assert_allclose(worth, [1.0, 1 + 15 * (1 - np.exp(-3 / 15)), 16.0], rtol=1e-4)
