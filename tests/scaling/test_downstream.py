"""Accuracy through loss: the relation is found, back-tested, and refused where there is none."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from fitwright.core.errors import DataError
from fitwright.scaling.downstream import Downstream, fit_downstream
from fitwright.scaling.fit import FitSettings, fit_runs
from fitwright.scaling.fitted import FittedStudy
from tests.scaling.synthetic import chinchilla_runs

LOSS = np.linspace(2.2, 4.5, 40)


def accuracy_at(loss: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Guessing is right one time in four; at a loss of 2 three in four are."""
    exact = 0.25 + 0.5 * np.exp(-1.3 * (loss - 2.0))
    return exact + noise * np.random.default_rng(0).standard_normal(len(loss))


def test_the_relation_is_found_and_foretells_lower_losses() -> None:
    found = fit_downstream(LOSS, accuracy_at(LOSS, 0.004), "hellaswag")
    assert found.parameters["epsilon"] == pytest.approx(0.75, abs=0.03)
    assert found.accuracy(2.0) == pytest.approx(0.75, abs=0.02)
    low, high = found.interval((1.95, 2.05))
    assert low < 0.75 < high < low + 0.25
    assert found.heldout_error < 0.03
    again = Downstream.from_json(json.loads(json.dumps(found.as_json())))
    assert again.interval((1.95, 2.05)) == (low, high)


def test_an_interval_widens_below_what_was_tested() -> None:
    found = fit_downstream(LOSS, accuracy_at(LOSS, 0.01), "x")
    widths = [np.diff(found.interval((loss, loss)))[0] for loss in (2.5, 1.4)]
    assert widths[1] > widths[0]


@pytest.mark.parametrize(
    ("accuracy", "message"),
    [
        (100 * accuracy_at(LOSS), "is no share"),
        (accuracy_at(LOSS)[::-1].copy(), "does not rise as the loss falls"),
        (np.where(np.arange(40) < 5, 0.5, np.nan), "too few runs tell an accuracy"),
    ],
)
def test_what_cannot_be_used_is_refused(accuracy: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_downstream(LOSS, accuracy, "x")


def test_losses_that_hardly_differ() -> None:
    near = np.linspace(3.0, 3.06, 24)
    found = fit_downstream(near, np.where(near < 3.03, 0.9, 0.3), "cliff")
    low, high = found.interval((2.99, 3.01))
    assert 0 <= low <= found.accuracy(3.0) <= high <= 1
    json.dumps(found.as_json(), allow_nan=False)
    ties = np.array([3.0] * 5 + [3.1, 3.2, 3.3])
    with pytest.raises(DataError, match="too few different losses"):
        fit_downstream(ties, np.linspace(0.9, 0.2, 8), "ties")


def test_a_prediction_tells_it_and_json_keeps_it() -> None:
    runs = chinchilla_runs(noise=0.002)
    runs = dataclasses.replace(runs, accuracy=accuracy_at(runs.loss), accuracy_name="arc")
    found = fit_runs(runs, FitSettings(law="chinchilla", bootstraps=0))
    told = found.predict(size=float(runs.size.max()), data=float(runs.data.max()))
    assert told.accuracy == pytest.approx(accuracy_at(np.array([told.loss]))[0], abs=0.02)
    assert FittedStudy.from_json(json.loads(json.dumps(found.as_json()))).downstream is not None
    assert told.as_json()["accuracy_interval"][0] <= told.accuracy
