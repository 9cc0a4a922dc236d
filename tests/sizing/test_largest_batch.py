from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.largest_batch import largest_batch


@given(most=st.integers(0, 300), limit=st.integers(1, 200))
def test_it_finds_the_last_that_fits(most: int, limit: int) -> None:
    assert largest_batch(lambda batch: batch <= most, limit=limit) == min(most, limit)


def test_it_asks_few_questions_and_none_beyond_the_limit() -> None:
    asked: list[int] = []

    def fits(batch: int) -> bool:
        asked.append(batch)
        return batch <= 1000

    assert largest_batch(fits, limit=5000) == 1000
    assert len(asked) <= 22
    assert max(asked) <= 5000


def test_where_fitting_wavers_the_answer_fits() -> None:
    assert largest_batch(lambda batch: batch <= 40 and batch != 33, limit=64) in {32, 40}


def test_the_limit_is_checked() -> None:
    with pytest.raises(UsageError, match="at least 1; got 0"):
        largest_batch(lambda batch: True, limit=0)
