"""Best sizes against what the closed forms and the tables themselves say."""

from __future__ import annotations

import pytest

from fitwright.scaling.turn import memory_size, turns
from tests.scaling.synthetic import TRUE
from tests.scaling.test_fit import repeated_study, study


def test_best_size_for_compute_is_the_closed_form() -> None:
    """Hoffmann et al. 2022, equation 4: N = G·(C/6)^(beta/(alpha+beta))."""
    found = study()
    p = found.parameters
    for flops in (1e18, 1e19, 5e19):
        g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
        expected = g * (flops / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))
        best = found.frontier.for_compute(flops)
        assert best.size == pytest.approx(expected, rel=0.02)
        assert best.flops == pytest.approx(flops)
        assert best.bound == ""


def test_a_smaller_model_within_a_share_is_smaller_and_within_it() -> None:
    frontier = study().frontier
    best, smaller = frontier.for_compute(1e19), frontier.for_compute(1e19, within=0.01)
    assert smaller.size < best.size / 1.5
    assert smaller.loss <= best.loss * 1.01


def test_more_compute_never_hurts() -> None:
    losses = [best.loss for best in study().frontier.curve([1e17, 1e18, 1e19, 1e20])]  # type: ignore[arg-type]
    assert losses == sorted(losses, reverse=True)


def test_scarce_data_stop_growth_where_the_penalty_says() -> None:
    frontier = repeated_study().frontier
    little, much = frontier.for_data(1e8), frontier.for_data(3e9)
    assert little.bound == ""
    assert little.size < much.size
    assert little.epochs > 1.5
    assert little.loss > much.loss


def test_limited_data_cost_something_at_the_same_compute() -> None:
    frontier = repeated_study().frontier
    scarce, plenty = frontier.for_compute(3e19, unique=3e8), frontier.for_compute(3e19)
    assert scarce.unique <= 3e8
    assert scarce.loss > plenty.loss


def test_measured_turns_are_the_best_sizes_of_the_table() -> None:
    runs = repeated_study().runs
    found = turns(runs)
    assert found is not None
    first = found.turns[0]
    here = abs(runs.unique / first.unique - 1) < 0.01
    assert first.loss == pytest.approx(runs.loss[here].min())
    assert first.best in runs.size[here]
    assert turns(study().runs) is None


def test_the_associative_memory_relation_gives_its_three_sizes_back() -> None:
    for unique, size in ((214e6, 40e6), (262e6, 60e6), (309e6, 80e6)):
        assert memory_size(unique) == pytest.approx(size, rel=0.05)


def test_ten_times_as_much_is_better_or_unanswered() -> None:
    frontier = study().frontier
    more = frontier.ten_times(1e19)
    assert more is not None
    assert more.loss < frontier.for_compute(1e19).loss
    assert frontier.ten_times(1e29) is None
    assert TRUE["E"] < more.loss


def test_isoflop_curves_of_a_clean_table_find_the_exponent() -> None:
    import numpy as np

    from fitwright.scaling.isoflop import isoflop
    from tests.scaling.synthetic import runs_from

    budgets = np.repeat(np.geomspace(1e18, 1e21, 5), 7)
    p = TRUE
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    exponent = p["beta"] / (p["alpha"] + p["beta"])
    size = g * (budgets / 6) ** exponent * np.tile(np.geomspace(0.4, 2.5, 7), 5)
    found = isoflop(runs_from("chinchilla", p, size, budgets / 6 / size))
    assert found is not None
    assert len(found.levels) == 5
    assert all(level.inside for level in found.levels)
    assert found.exponent == pytest.approx(exponent, abs=0.01)
