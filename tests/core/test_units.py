"""Text to SI and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core import units
from fitwright.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [("25MB", 25_000_000), ("1GiB", 2**30), ("1048576", 1048576), (" 1.5 kB ", 1500), ("2e3B", 2000)],
)
def test_bytes(text: str, value: int) -> None:
    assert units.parse_bytes(text) == value
    assert isinstance(units.parse_bytes(text), int)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3ms", 3e-3), ("0.5s", 0.5), ("250us", 250e-6), ("250µs", 250e-6), ("2min", 120), ("1h", 3600)],
)
def test_seconds(text: str, value: float) -> None:
    assert units.parse_seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"), [("500/s", 500), ("30/min", 0.5), ("36/h", 0.01), ("7", 7), ("7/", 7)]
)
def test_rates(text: str, value: float) -> None:
    assert units.parse_rate(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "MB", "1XB", "1 2MB", "-1MB", "1e400MB", "nan", "inf", "١MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="size"):
        units.parse_bytes(text)


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e400", "1e308T", "2 apples"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(UsageError, match="not a count"):
        units.parse_count(text)


@pytest.mark.parametrize("text", ["3", "", "ms", "3 parsecs", "-3ms"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        units.parse_seconds(text)


@pytest.mark.parametrize("text", ["", "x/s", "3/day", "3/s/s", "/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError, match="not a rate"):
        units.parse_rate(text)


@given(st.integers(1, 10**20))
def test_shown_bytes_read_back_within_their_digits(value: int) -> None:
    assert units.parse_bytes(units.format_bytes(value)) == pytest.approx(value, rel=6e-3)


@given(st.floats(1e-6, 119.0))
def test_shown_seconds_read_back_within_their_digits(value: float) -> None:
    assert units.parse_seconds(units.format_seconds(value)) == pytest.approx(value, rel=6e-3)


def test_shown_as_people_write() -> None:
    assert units.format_bytes(22_700_000) == "22.7 MB"
    assert units.format_bytes(999) == "999 B"
    assert units.format_bytes(8.2e18) == "8.20 EB"
    assert units.format_seconds(0.0031) == "3.10 ms"
    assert units.format_seconds(125) == "2 min 05 s"
    assert units.format_count(109_482_240) == "109.5M"
    assert units.format_rate(512.4) == "512 /s"
