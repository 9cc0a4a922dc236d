import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.verdict import FREE_SHARE, judge
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity

CARD = Device(name="a card", kind="gpu", memory_bytes=1000)


def needs(value, high):
    return Quantity.estimated(value, "B", low=0, high=high)


@pytest.mark.parametrize(
    ("value", "high", "verdict"),
    [
        (900, 950, "fits"), (900, 951, "tight"), (1000, 2000, "tight"), (1001, 2000, "does not fit"),
        (10**6, 10**7, "does not fit"), (0, 0, "fits"),
    ],
)  # fmt: skip
def test_limits(value, high, verdict):
    assert judge(needs(value, high), CARD) == verdict


def test_what_is_unknown_stays_unknown():
    assert judge(None, CARD) == "unknown"
    assert judge(needs(1, 1), dataclasses.replace(CARD, memory_bytes=None)) == "unknown"


@given(value=st.integers(0, 2000), more=st.integers(0, 2000), further=st.integers(0, 2000))
def test_a_wider_interval_never_improves_the_verdict(value, more, further):
    order = ("fits", "tight", "does not fit")
    narrow, wide = judge(needs(value, value + more), CARD), judge(needs(value, value + more + further), CARD)
    assert order.index(narrow) <= order.index(wide)
    assert (narrow == "fits") == (value + more <= FREE_SHARE * 1000)
