"""The solver against the objective itself: nothing near its answer is better, outliers do not pull it,
batches agree."""

from __future__ import annotations

import numpy as np
import pytest

from fitwright.scaling.choice import LAWS
from fitwright.scaling.fitting import fit_many, fit_once
from fitwright.scaling.solver import DELTA, huber
from tests.scaling.synthetic import TRUE, chinchilla_runs

LAW = LAWS["chinchilla"]


def objective(theta: np.ndarray, runs: object) -> float:
    log_loss, _ = LAW.log_loss_and_slope(theta[None], runs.cells)  # type: ignore[attr-defined]
    return float(huber(log_loss[0] - np.log(runs.loss)).sum())  # type: ignore[attr-defined]


def test_huber_is_square_inside_and_straight_outside() -> None:
    residual = np.array([0.0, 0.5e-3, -1e-3, 5e-3])
    np.testing.assert_allclose(huber(residual), [0, 0.125e-6, 0.5e-6, DELTA * (5e-3 - 0.5e-3)])


def test_nothing_near_the_answer_is_better() -> None:
    runs = chinchilla_runs(noise=0.005)
    solution = fit_once(LAW, runs.cells, runs.loss)
    best = objective(solution.theta[0], runs)
    assert best == pytest.approx(float(solution.objective[0]))
    random = np.random.default_rng(1)
    for scale in (1e-5, 1e-4, 1e-3, 1e-2):
        for _ in range(50):
            assert objective(solution.theta[0] + random.normal(0, scale, 5), runs) >= best - 1e-12


def test_a_wild_run_hardly_moves_the_law() -> None:
    clean, wild = chinchilla_runs(noise=0.003), chinchilla_runs(noise=0.003)
    wild.loss[4] *= 1.5
    found = [
        LAW.public(fit_once(LAW, runs.cells, runs.loss).theta, runs.cells)["E"][0] for runs in (clean, wild)
    ]
    assert found[1] == pytest.approx(found[0], rel=0.02)


def test_a_weight_is_as_good_as_a_copy_and_zero_as_good_as_absence() -> None:
    runs = chinchilla_runs(noise=0.005)
    weight = np.random.default_rng(2).integers(0, 3, len(runs)).astype(float)
    both = fit_many(LAW, runs.cells, runs.loss, np.stack([weight, np.ones(len(runs))]))
    copies = np.repeat(np.arange(len(runs)), weight.astype(int))
    alone = fit_many(LAW, _part(runs.cells, copies), runs.loss[copies], np.ones((1, len(copies))))
    assert both.objective[0] == pytest.approx(alone.objective[0], rel=1e-4)
    np.testing.assert_allclose(both.theta[0], alone.theta[0], rtol=0.02)


def test_held_numbers_stay() -> None:
    runs = chinchilla_runs(noise=0.002)
    solution = fit_once(LAW, runs.cells, runs.loss, fixed={"alpha": TRUE["alpha"], "E": 1.9})
    found = LAW.public(solution.theta, runs.cells)
    assert found["alpha"][0] == pytest.approx(TRUE["alpha"])
    assert found["E"][0] == pytest.approx(1.9)


def _part(cells: object, rows: np.ndarray) -> object:
    import dataclasses

    arrays = {name: getattr(cells, name)[rows] for name in ("size", "data", "unique")}
    return dataclasses.replace(cells, **arrays)  # type: ignore[type-var]
