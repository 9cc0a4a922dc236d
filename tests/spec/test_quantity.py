"""Quantities know unit, origin and interval; records and manifests survive a round trip through JSON."""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity, Unit
from fitwright.spec.record import Record

FINITE = st.floats(allow_nan=False, allow_infinity=False)
UNITS = st.sampled_from(get_args(Unit))


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    low, value, high = sorted(draw(st.tuples(FINITE, FINITE, FINITE)))
    unit, note = draw(UNITS), draw(st.text(max_size=20))
    if draw(st.booleans()):
        return Quantity.exact(value, unit, note)
    make = Quantity.measured if draw(st.booleans()) else Quantity.estimated
    return make(value, unit, low=low, high=high, note=note)


@given(st.dictionaries(st.text(min_size=1, max_size=8), quantities(), max_size=4))
def test_a_record_survives_json(found: dict[str, Quantity]) -> None:
    record = Record(subject="a model", quantities=found, context={"engine": "torch", "batch": 1})
    assert Record.from_json(json.loads(json.dumps(record.as_json()))) == record


@pytest.mark.parametrize("origin", ["estimated", "measured"])
def test_what_is_not_counted_needs_an_interval(origin: str) -> None:
    with pytest.raises(UsageError, match="needs an interval"):
        Quantity(value=1.0, unit="s", origin=origin)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs an interval"):
        Quantity(value=1.0, unit="s", origin=origin, low=0.5)  # type: ignore[arg-type]


@given(FINITE, FINITE, FINITE)
def test_a_value_lies_in_its_interval(value: float, low: float, high: float) -> None:
    if low <= value <= high:
        assert Quantity.measured(value, "s", low=low, high=high).value == value
    else:
        with pytest.raises(UsageError, match="must lie in its interval"):
            Quantity.measured(value, "s", low=low, high=high)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers(bad: float) -> None:
    with pytest.raises(UsageError, match="finite"):
        Quantity.exact(bad, "B")
    with pytest.raises(UsageError, match="finite"):
        Quantity.measured(1.0, "B", low=0.0, high=bad)


def test_unknown_units_and_origins_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown unit; got 'MB'; allowed: B, s"):
        Quantity.exact(1, "MB")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown origin"):
        Quantity(value=1, unit="B", origin="guessed")  # type: ignore[arg-type]


def test_a_record_says_what_it_holds() -> None:
    record = Record(subject="m", quantities={"size": Quantity.exact(3, "B")})
    assert record.value("size") == 3
    assert record.value("memory") is None
    assert record.get("memory") is None
    with pytest.raises(UsageError, match="no such quantity; got 'memory'; allowed: size"):
        record["memory"]
    more = record.with_quantities(latency_p95=Quantity.measured(1, "s", low=1, high=2))
    assert sorted(more.quantities) == ["latency-p95", "size"]
    assert sorted(record.quantities) == ["size"]
