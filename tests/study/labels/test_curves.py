"""Learning curves of encoders whose law is known: what is fitted, foretold, said, refused."""

from __future__ import annotations

from typing import Any

import pytest

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.study.labels.answers import as_good, best_at_hand, overtakings, promises
from fitwright.study.labels.curves import LearningCurves, fit_curves, wilson
from fitwright.study.labels.regularisation import effects
from fitwright.study.labels.runs import LabelRow, chosen
from fitwright.study.labels.wording import headline, sentences

AMOUNTS = (50, 100, 200, 400, 800, 1600, 3200)
DATA: dict[str, Any] = {"guessing_error": 0.5, "held_out_rows": 1000, "rows": 6000, "path": "reviews.csv"}


def small(rows: int) -> float:
    return 0.20 + 1.2 / rows**0.5


def large(rows: int) -> float:
    """Worse on few labels, better on many: overtakes at about 210."""
    return 0.10 + 6.0 / rows**0.65


def row(model: str, parameters: int, rows: int, error: float, **changes: Any) -> LabelRow:
    made: dict[str, Any] = {
        "cell": f"{model}-{rows}", "model": model, "parameters": parameters, "rows": rows, "draw": 0,
        "epochs": 3, "dropout": "", "weight_decay": "0.01", "error": error, "loss": 2 * error,
        "train_loss": 0.01, "validation_accuracy": 1 - error, "validation_loss": 2 * error,
    }  # fmt: skip
    return LabelRow(**{**made, **changes})


def curves_of(*models: tuple[str, int, Any], **changes: Any) -> LearningCurves:
    rows = [row(name, size, amount, law(amount)) for name, size, law in models for amount in AMOUNTS]
    settings = {"measure": "error", "bootstraps": 0, "seed": 0, "progress": Silent(), **changes}
    return fit_curves(rows, DATA, **settings)


@pytest.fixture(scope="module")
def pair() -> LearningCurves:
    return curves_of(("small", 1_000_000, small), ("large", 20_000_000, large))


def test_each_encoder_gets_its_own_law(pair: LearningCurves) -> None:
    laws = {curve.encoder: curve.law for curve in pair.curves}
    assert list(laws) == ["small", "large"]
    found = laws["small"]
    assert found is not None
    assert found.parameters["E"] == pytest.approx(0.20, abs=0.005)
    assert found.parameters["beta"] == pytest.approx(0.5, abs=0.03)
    assert found.heldout_error is not None
    assert found.heldout_error < 0.01


def test_more_labels_are_foretold_with_an_interval(pair: LearningCurves) -> None:
    promise = promises(pair)[0]
    twice, ten = promise.more
    assert (twice.labels, ten.labels) == (6400, 32_000)
    for more in (twice, ten):
        assert more.prediction is not None
        assert more.prediction.reach.outside
        low, high = more.prediction.interval
        assert low <= small(more.labels) <= high
    assert twice.gain == pytest.approx(small(3200) - small(6400), abs=0.001)


def test_the_larger_overtakes_where_the_laws_cross(pair: LearningCurves) -> None:
    (found,) = overtakings(pair)
    crossing = next(n for n in range(100, 3000) if large(n) < small(n))
    assert found.labels == pytest.approx(crossing, rel=0.1)
    assert found.larger_ahead
    assert found.worth is None  # the small one's floor lies above
    assert best_at_hand(pair).encoder == "large"
    assert as_good(pair) == ()
    text = " ".join(sentences(pair))
    assert "large overtakes small at about" in text
    assert "here the encoder counts, not the labels" in text
    assert "large is best on the 3,200 labels" in headline(pair)


def test_one_that_never_overtakes_is_said_to_be_behind_within_the_range() -> None:
    found = curves_of(("small", 10**6, small), ("large", 10**7, lambda n: small(n) + 0.005))
    (order,) = overtakings(found)
    assert order.labels is None
    assert not order.larger_ahead
    assert order.worth is not None
    assert order.worth > 3200
    assert "does not overtake within that range" in " ".join(sentences(found))
    assert as_good(found) == ("large",)  # half a point is chance among 1,000 rows


def test_an_encoder_that_was_not_trained_on_all_labels_yet_is_not_ranked() -> None:
    """Stopped half way, its error is one of fewer labels: however low, it is best at nothing."""
    rows = [row("small", 10**6, n, small(n)) for n in AMOUNTS]
    rows += [row("large", 10**7, n, small(n) - 0.1) for n in AMOUNTS[:-1]]
    found = fit_curves(rows, DATA, measure="error", bootstraps=0, seed=0, progress=Silent())
    assert best_at_hand(found).encoder == "small"
    assert as_good(found) == ()
    assert overtakings(found) == ()
    assert [promise.curve.encoder for promise in promises(found)] == ["small"]
    assert "small is best on the 3,200 labels at hand (error 22.1 %)" in headline(found)
    said = "large: no answer (not trained on the 3,200 labels at hand yet, on 1,600 at most)."
    assert sentences(found)[-1] == said


def test_a_larger_one_that_falls_behind_does_not_overtake() -> None:
    found = curves_of(("small", 10**6, large), ("large", 10**7, small))
    (order,) = overtakings(found)
    assert (order.labels, order.steady, order.larger_ahead) == (None, False, False)
    assert "the order changes within" in " ".join(sentences(found))


def test_amounts_no_better_than_guessing_are_in_no_law() -> None:
    """And an encoder that learnt nothing from most of them gets none."""
    late = curves_of(("late", 10**6, lambda n: 0.5 if n < 100 else small(n)))
    assert late.curves[0].left_out == (50,)
    assert late.curves[0].law is not None
    never = curves_of(("never", 10**6, lambda n: 0.5 if n < 800 else small(n)))
    assert never.curves[0].law is None
    assert "a law needs 6" in never.curves[0].refused
    assert "what more labels would buy, the ladder cannot carry" in headline(never)


def test_the_loss_can_be_the_measure_and_other_names_cannot() -> None:
    found = curves_of(("small", 10**6, small), measure="loss").curves[0].law
    assert found is not None
    assert found.parameters["E"] == pytest.approx(0.4, abs=0.01)
    with pytest.raises(UsageError, match="allowed: error, loss"):
        curves_of(("small", 10**6, small), measure="accuracy")


def test_it_comes_back_from_json_as_it_was(pair: LearningCurves) -> None:
    again = LearningCurves.from_json(pair.as_json())
    assert again.as_json() == pair.as_json()
    assert sentences(again) == sentences(pair)
    with pytest.raises(UsageError, match="study fit"):
        LearningCurves.from_json({**pair.as_json(), "schema": 99})


def test_runs_are_chosen_by_validation_and_not_by_the_rows_that_judge() -> None:
    few = row("m", 1, 50, 0.30, epochs=3, validation_accuracy=0.7)
    many = row("m", 1, 50, 0.40, epochs=12, validation_accuracy=0.8)
    other_draw = row("m", 1, 50, 0.35, draw=1, validation_accuracy=0.6)
    assert chosen([few, many, other_draw], "m") == (other_draw, many)


def test_what_regularisation_bought_is_a_mean_over_draws() -> None:
    def tried(draw: int, dropout: str, error: float) -> LabelRow:
        return row("m", 1, 50, error, draw=draw, dropout=dropout)

    rows = [tried(0, "0", 0.4), tried(1, "0", 0.3), tried(0, "0.1", 0.3), tried(1, "0.1", 0.2)]
    (effect,) = effects(rows)
    assert list(effect.errors) == [("0", "0.01"), ("0.1", "0.01")]
    assert effect.bought == pytest.approx(0.1)
    assert effect.best == ("0.1", "0.01")
    assert effects(rows[:2]) == ()


def test_an_interval_of_a_share_holds_at_its_ends_too() -> None:
    assert wilson(0.5, 100) == pytest.approx((0.404, 0.596), abs=0.001)  # Wilson 1927, by hand
    low, high = wilson(0.0, 100)
    assert low == 0.0
    assert high == pytest.approx(0.037, abs=0.001)
