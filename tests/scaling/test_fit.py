"""The whole fit: the form, its numbers, what it foretells, what it refuses."""

from __future__ import annotations

import dataclasses
import json
from functools import cache

import numpy as np
import pytest

from fitwright.core.errors import CheckError, DataError, UsageError
from fitwright.scaling.choice import FAR
from fitwright.scaling.fit import FitSettings, fit_runs
from fitwright.scaling.fitted import FittedStudy
from fitwright.scaling.prediction import Errors
from fitwright.scaling.runs import Runs
from tests.scaling.synthetic import TRUE, chinchilla_runs, grid, runs_from
from tests.scaling.test_laws import KNOWN, repeated_grid


@cache
def study(law: str = "chinchilla", bootstraps: int = 100) -> FittedStudy:
    return fit_runs(chinchilla_runs(noise=0.004), FitSettings(law=law, bootstraps=bootstraps))


@cache
def repeated_study() -> FittedStudy:
    runs = runs_from("overfitting", KNOWN["overfitting"], *repeated_grid(), noise=0.003)
    return fit_runs(runs, FitSettings(bootstraps=0))


def part(runs: Runs, keep: np.ndarray) -> Runs:
    arrays = {name: getattr(runs, name)[keep] for name in ("size", "data", "unique", "loss")}
    return dataclasses.replace(runs, **arrays)


def test_the_intervals_hold_the_true_numbers() -> None:
    found = study()
    assert set(found.intervals) == set(TRUE)
    for name, value in TRUE.items():
        low, high = found.intervals[name]
        assert low <= found.parameters[name] <= high
        assert low * 0.9 <= value <= high * 1.1


def test_the_largest_run_of_a_ladder_is_foretold_and_inside_the_interval() -> None:
    """Fitted without the cells above a quarter of the largest's compute, as the study's own promise goes."""
    runs = chinchilla_runs(noise=0.003)
    small = part(runs, runs.flops <= runs.flops.max() / 4)
    found = fit_runs(small, FitSettings(bootstraps=0))
    at = int(np.argmax(runs.flops))
    told = found.predict(size=runs.size[at], data=runs.data[at])
    assert told.loss == pytest.approx(runs.loss[at], rel=0.02)
    assert told.interval[0] <= runs.loss[at] <= told.interval[1]
    assert told.interval[1] / told.loss < 1.05
    assert told.reach.compute > 4
    assert "extrapolates" in told.warnings[0]


def test_repeated_data_are_seen_and_the_right_form_wins() -> None:
    found = repeated_study()
    assert found.law.name == "overfitting"
    errors = {c.law: c.error for c in found.candidates}
    assert errors["overfitting"] == min(errors.values())
    assert {"chinchilla", "data-constrained", "data-constrained-tied", "isoflop"} <= set(errors)
    assert found.turns is not None
    assert any(turn.turned for turn in found.turns.turns)


def test_the_published_form_stands_unless_another_is_far_less_wrong() -> None:
    found = study("auto", 0)
    errors = {c.law: c.error for c in found.candidates if c.error is not None}
    assert found.law.name == "chinchilla"
    assert min(errors.values()) > FAR * errors["chinchilla"]
    assert "left out, by compute, size, data" in found.heldout_scheme
    other = repeated_study()
    errors = {c.law: c.error for c in other.candidates if c.error is not None}
    assert errors[other.law.name] <= FAR * errors["data-constrained-tied"]


def test_it_survives_json() -> None:
    found = repeated_study()
    again = FittedStudy.from_json(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
    asked = {"size": 3e8, "data": 6e9, "unique": 2e9}
    assert again.predict(**asked) == found.predict(**asked)
    required = {"law", "parameters", "intervals", "objective", "heldout", "candidates", "warnings"}
    assert required <= set(found.as_json())
    assert set(found.as_json()["heldout"]) == {"error", "scheme"}


def test_the_same_seed_gives_the_same_result() -> None:
    runs = chinchilla_runs(noise=0.004)
    one, other = (fit_runs(runs, FitSettings(law="chinchilla", bootstraps=20, seed=5)) for _ in range(2))
    assert one.as_json() == other.as_json()


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda r: r.size < 1.1e7, "one size"),
        (lambda r: r.size < 3e7, "too few sizes"),
        (lambda r: np.isclose(r.data / r.size, 30), "same number of tokens for each parameter"),
        (lambda r: np.arange(len(r)) % 9 == 0, "too few different runs"),
    ],
)
def test_a_ladder_that_cannot_carry_a_law_is_refused(keep: object, said: str) -> None:
    runs = chinchilla_runs()
    with pytest.raises(DataError, match=said):
        fit_runs(part(runs, keep(runs)), FitSettings(bootstraps=0))  # type: ignore[operator]


def test_one_size_can_still_tell_what_data_do() -> None:
    size, data = np.full(9, 1e8), np.geomspace(1e8, 1e11, 9)
    runs = runs_from("data-only", KNOWN["data-only"], size, data)
    found = fit_runs(runs, FitSettings(law="data-only", bootstraps=0))
    assert found.parameters == pytest.approx(KNOWN["data-only"], rel=0.01)


def test_weak_ladders_and_wild_runs_are_warned_of() -> None:
    size, data = grid(7, (10, 20, 40))
    runs = runs_from("chinchilla", TRUE, size, data, noise=0.002)
    runs.loss[3] *= 1.4
    said = " ".join(fit_runs(runs, FitSettings(bootstraps=0)).warnings)
    assert "spread over 4.0×" in said
    assert "rows 4 (+40%)" in said


def test_a_claim_too_far_outside_is_refused() -> None:
    found = study()
    with pytest.raises(CheckError, match="cannot carry this claim"):
        found.predict(size=1e15, data=1e18)
    with pytest.raises(CheckError, match="cannot carry this claim"):
        found.frontier.for_compute(1e30)


def test_a_ladder_too_small_for_back_tests_gives_no_prediction_outside_it() -> None:
    size = np.array([1e7, 1e7, 3e7, 3e7, 1e8, 1e8])
    data = np.array([2e8, 2e9, 3e8, 6e9, 5e9, 9e9])
    found = fit_runs(runs_from("data-only", KNOWN["data-only"], size, data), FitSettings(law="data-only"))
    with pytest.raises(CheckError):
        found.predict(size=1e9, data=1e12)


def test_laws_of_repeats_need_repeats() -> None:
    with pytest.raises(UsageError, match="--unique-column"):
        fit_runs(chinchilla_runs(), FitSettings(law="data-constrained"))


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="unknown law"):
        FitSettings(law="kaplan")
    with pytest.raises(UsageError, match="Give --law"):
        FitSettings(fixed={"alpha": 0.3})
    with pytest.raises(UsageError, match="no such number"):
        FitSettings(law="chinchilla", fixed={"gamma": 0.3})


def test_repeats_that_the_law_does_not_know_are_said() -> None:
    told = study().predict(size=1e8, data=4e9, unique=1e9)
    assert any("4 epochs" in warning for warning in told.warnings)


def test_a_run_is_judged_by_runs_that_repeated_their_data_as_it_does() -> None:
    """Many epochs are harder to foretell: their errors widen their own intervals, not those of fresh data."""
    often, seldom = np.full(20, 16.0), np.ones(20)
    reach, error = np.zeros(40), np.concatenate([np.full(20, 0.09), np.full(20, 0.01)])
    errors = Errors(
        reach={"fold": reach}, epochs={"fold": np.concatenate([often, seldom])}, error={"fold": error}
    )
    assert errors.half_width("fold", 0.0, epochs=1) == pytest.approx(0.01)
    assert errors.half_width("fold", 0.0, epochs=8) == pytest.approx(0.09)
    few = Errors(reach={"fold": reach[-23:]}, epochs={"fold": np.concatenate([often[:3], seldom])},
                 error={"fold": error[-23:]})  # fmt: skip
    assert few.half_width("fold", 0.0, epochs=8) == pytest.approx(0.09)
