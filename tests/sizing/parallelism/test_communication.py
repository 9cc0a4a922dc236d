from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.parallelism.communication import (
    LINKS,
    all_reduce_bytes,
    gather_bytes,
    link,
    transfer_time,
)


@given(payload=st.integers(0, 10**12), degree=st.integers(1, 4096))
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(payload: int, degree: int) -> None:
    assert all_reduce_bytes(payload, degree) == pytest.approx(2 * gather_bytes(payload, degree), abs=1)
    assert all_reduce_bytes(payload, degree) <= 2 * payload


def test_one_device_sends_nothing() -> None:
    assert all_reduce_bytes(10**9, 1) == 0


def test_time_over_a_link_is_between_the_whole_and_half_of_it() -> None:
    """80 GB over 100 GB/s at 80 %: one second."""
    found = transfer_time(80e9, 100e9)
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(0.8 / 0.95)
    assert found.high == pytest.approx(1.6)
    assert "80% of the link assumed" in found.note


def test_links_are_of_one_direction_and_sourced() -> None:
    assert link("nvlink4").bytes_per_s == 450e9
    assert link("infiniband-400").bytes_per_s == 50e9
    assert all(found.source for found in LINKS.values())


def test_an_unknown_link_is_no_guess() -> None:
    with pytest.raises(UsageError, match=r"got 'nvlink'; allowed: nvlink3, .* Did you mean nvlink"):
        link("nvlink")
    with pytest.raises(UsageError, match="Or give its bandwidth in bytes per second"):
        link("string")
    with pytest.raises(UsageError, match="bandwidth must be positive"):
        transfer_time(1, 0)
