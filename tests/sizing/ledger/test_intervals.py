from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.ledger import intervals, store
from fitwright.sizing.ledger.intervals import Known, interval_for, shipped_keys
from fitwright.sizing.ledger.residuals import Group, points
from tests.sizing.ledger.making import GROUP, entries, entry

PRIOR = (5.0, 30.0)


def ask(known: Known, group: Group = GROUP, value: float = 10.0) -> intervals.Interval:
    return interval_for(group, value, value * 0.5, value * 3.0, known=known)


def test_nothing_known_leaves_the_assumed_interval() -> None:
    low, high, note, value = ask(Known(()))
    assert (low, high, value) == (*PRIOR, 10.0)
    assert note.startswith("assumed interval")


def test_enough_residuals_make_the_interval() -> None:
    found = ask(Known(points(entries(30, 4, spread=0.05))))
    assert 8.5 < found.low < 10.0 < found.high < 11.5
    assert found.value == 10.0
    assert "30 residuals of 4 models, on this device" in found.note


def test_a_bias_is_corrected_and_said() -> None:
    found = ask(Known(points(entries(40, 8, bias=0.4, spread=0.05))))
    assert found.value == pytest.approx(10 * math.exp(0.4), rel=0.05)
    assert found.low < found.value < found.high
    assert "value scaled by 1.5" in found.note


def test_too_few_widen_the_assumed_interval_until_it_holds_them() -> None:
    found = ask(Known(points([entry(1.5), entry(-1.0, seq=64)])))
    assert found.low == pytest.approx(10 * math.exp(-1.0))
    assert found.high == pytest.approx(10 * math.exp(1.5))
    assert found.value == 10.0
    assert "n too small" in found.note
    assert "2 points of 1 model" in found.note


def test_few_models_do_not_narrow_however_many_points_they_have() -> None:
    found = ask(Known(points(entries(60, 2, spread=0.01))))
    assert found[:2] == PRIOR
    assert "60 points of 2 models" in found.note
    assert ask(Known(points(entries(60, 3, spread=0.01)))).high < 11


@pytest.mark.parametrize(
    ("other", "level"),
    [
        ({"precision": "bf16"}, "all precisions"), ({"engine": "onnxruntime"}, "all engines"),
        ({"mode": "train"}, "assumed"), ({"device": "Four Cores"}, "assumed"), ({"method": "x"}, "assumed"),
        ({"quantity": "latency-p95"}, "assumed"),
    ],
)  # fmt: skip
def test_the_ladder_of_fallbacks(other: dict[str, str], level: str) -> None:
    known = Known(points(entries(30, 6, bias=0.4, spread=0.05)))
    found = ask(known, replace(GROUP, **other))
    assert level in found.note
    assert found.value == 10.0  # a bias is corrected for the group's own residuals alone
    assert (found.high < PRIOR[1]) == (level != "assumed")


def test_what_was_seen_of_this_engine_widens_what_others_say() -> None:
    others = entries(30, 5, spread=0.02, engine="onnxruntime")
    found = ask(Known(points([*others, entry(1.2)])))
    assert "all engines, widened to hold 1 point" in found.note
    assert found.high == pytest.approx(10 * math.exp(1.2))


def test_shipped_residuals_stand_behind_the_own_ones() -> None:
    exact, engine, kind = shipped_keys(GROUP)
    assert exact == "formula:cpu/infer/latency/torch/fp32"
    rows = [0.02 * (-1) ** n for n in range(20)]
    assert "shipped" in ask(Known((), {engine: rows})).note
    assert ask(Known((), {engine: rows, exact: [10 * r for r in rows]})).high == pytest.approx(
        10 * math.exp(0.2)
    )
    assert ask(Known((), {kind: {"a": rows, "b": rows}})).note.startswith(
        "90 % interval from 40 residuals of 2"
    )
    assert ask(Known((), {engine: rows[:8]})).note.startswith("assumed")
    own = ask(Known(points(entries(30, 4, spread=0.5)), {exact: rows}))
    assert "on this device" in own.note
    widened = ask(Known(points([entry(0.9)]), {exact: rows}))
    assert widened.high == pytest.approx(10 * math.exp(0.9))
    assert widened.low == pytest.approx(10 * math.exp(-0.02))
    other_kind = replace(GROUP, device_kind="gpu")
    assert ask(Known((), {exact: rows}), other_kind).note.startswith("assumed")


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-2, 2)), max_size=60),
    st.floats(1e-6, 1e12), st.floats(0.01, 1.0), st.floats(1.0, 100.0),
)  # fmt: skip
def test_the_value_lies_in_its_interval(
    rows: list[tuple[str, float]], value: float, low: float, high: float
) -> None:
    kept = points([entry(r, model=model, seq=1 + n) for n, (model, r) in enumerate(rows)])
    found = interval_for(GROUP, value, value * low, value * high, known=Known(kept))
    assert found.low <= found.value <= found.high


def test_the_users_own_ledger_is_used_and_read_again_when_it_grows() -> None:
    assert interval_for(GROUP, 10.0, *PRIOR)[:2] == PRIOR
    store.append(entries(30, 4, spread=0.05))
    assert interval_for(GROUP, 10.0, *PRIOR).high < 12
    store.append(entries(90, 4, spread=1.0))
    assert interval_for(GROUP, 10.0, *PRIOR).high > 12


def test_switched_off_it_gives_back_what_it_got() -> None:
    store.append(entries(30, 6, bias=0.4))
    with intervals.off():
        assert interval_for(GROUP, 10.0, *PRIOR) == (*PRIOR, "", 10.0)
    assert interval_for(GROUP, 10.0, *PRIOR).value > 12


def test_nothing_is_made_of_an_estimate_of_nothing() -> None:
    assert interval_for(GROUP, 0.0, 0.0, 0.0, known=Known(points(entries(30, 4)))) == (0.0, 0.0, "", 0.0)


def test_a_ledger_that_cannot_be_read_is_said(own_home: Path) -> None:
    (own_home / "ledger.jsonl").mkdir(parents=True)
    found = interval_for(GROUP, 10.0, *PRIOR)
    assert found[:2] == PRIOR
    assert "ledger" in found.note


def test_corrections_do_not_chase_themselves() -> None:
    """Told values are corrected, residuals stay those of the estimator: asking again gives the same."""
    own = entries(40, 8, bias=0.4, spread=0.05)
    before = ask(Known(points(own)))
    corrected = [
        replace(e, raw=e.estimated.value, estimated=replace(e.estimated, value=0.0149, high=0.05))
        for e in own
    ]
    assert ask(Known(points(corrected))).value == pytest.approx(before.value)


def test_the_shipped_file_is_whole_where_it_is_there() -> None:
    file = Path(intervals.__file__).parents[1] / "data" / "residuals.json"
    if not file.is_file():
        pytest.skip("no residuals are shipped yet")
    for key, rows in json.loads(file.read_text()).items():
        assert key.count("/") in (2, 3, 4)
        flat = [r for own in rows.values() for r in own] if isinstance(rows, dict) else rows
        assert all(math.isfinite(r) for r in flat)
