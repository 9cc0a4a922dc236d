from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.data.batching import (
    length_grouped,
    length_sorted,
    pad,
    padding_share,
    shuffled,
    shuffled_tokens,
)

LENGTHS = st.lists(st.integers(1, 600), max_size=700)
SIZES = st.integers(1, 9)


def assert_even(batches: list[list[int]], rows: int, batch_size: int) -> None:
    """As few as can be, and none much smaller than the rest."""
    sizes = [len(batch) for batch in batches]
    assert len(batches) == -(-rows // batch_size)
    assert not sizes or max(sizes) - min(sizes) <= 1


def assert_each_row_once(batches: list[list[int]], rows: int, batch_size: int) -> None:
    assert sorted(row for batch in batches for row in batch) == list(range(rows))
    sizes = [len(batch) for batch in batches]
    assert all(0 < size <= batch_size for size in sizes)


@settings(max_examples=50, deadline=None)
@given(LENGTHS, SIZES)
def test_sorted_batches_hold_each_row_once_longest_first(lengths: list[int], batch_size: int) -> None:
    batches = length_sorted(lengths, batch_size)
    assert_each_row_once(batches, len(lengths), batch_size)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    order = [row for batch in batches for row in batch]
    assert order == sorted(range(len(lengths)), key=lambda row: -lengths[row])


@settings(max_examples=50, deadline=None)
@given(LENGTHS, SIZES, st.integers(0, 2**40), st.integers(0, 50))
def test_grouped_batches_hold_each_row_once(
    lengths: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    batches = length_grouped(lengths, batch_size, seed=seed, epoch=epoch)
    assert_each_row_once(batches, len(lengths), batch_size)
    assert_even(batches, len(lengths), batch_size)
    assert batches == length_grouped(lengths, batch_size, seed=seed, epoch=epoch)


def test_seed_and_epoch_change_the_order() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 500).tolist()
    orders = [length_grouped(lengths, 8, seed=seed, epoch=epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_grouping_saves_padding_and_still_shuffles() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 4000).tolist()
    batches = length_grouped(lengths, 16, seed=0, epoch=0)
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    assert padded < 1.08 * sum(lengths)
    firsts = [
        max(lengths[row] for row in batch) for batch in length_grouped(lengths[:800], 16, seed=0, epoch=0)
    ]
    assert abs(np.corrcoef(firsts, np.arange(50))[0, 1]) < 0.4
    mates = [{frozenset(b) for b in length_grouped(lengths, 16, seed=0, epoch=e)} for e in (0, 1)]
    assert len(mates[0] & mates[1]) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(1, 99), max_size=30), min_size=1, max_size=8), st.integers(1, 16))
def test_padding_keeps_the_tokens_and_masks_the_rest(rows: list[list[int]], multiple: int) -> None:
    input_ids, mask = pad(rows, 0, multiple)
    assert input_ids.dtype == mask.dtype == np.int64
    assert input_ids.shape == mask.shape
    assert input_ids.shape[1] % multiple == 0
    assert input_ids.shape[1] < max(map(len, rows)) + multiple
    assert [ids[keep == 1].tolist() for ids, keep in zip(input_ids, mask, strict=True)] == rows
    assert (input_ids[mask == 0] == 0).all()
    assert (np.diff(mask, axis=1) <= 0).all()


def test_padding_with_an_id_and_a_limit() -> None:
    input_ids, mask = pad([[7, 8, 9], [7]], 5, multiple=8, limit=4)
    assert input_ids.tolist() == [[7, 8, 9, 5], [7, 5, 5, 5]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def test_a_row_beyond_the_limit() -> None:
    with pytest.raises(UsageError, match="longer than the limit; got 3"):
        pad([[1, 2, 3]], 0, limit=2)


@pytest.mark.parametrize("size", [0, -1])
def test_batch_size_below_one(size: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        length_sorted([1], size)
    with pytest.raises(UsageError, match="at least 1"):
        length_grouped([1], size, seed=0, epoch=0)
    with pytest.raises(UsageError, match="at least 1"):
        pad([[1]], 0, multiple=size)


@settings(max_examples=50, deadline=None)
@given(LENGTHS, st.integers(0, 2**40), st.integers(0, 50), SIZES)
def test_shuffled_batches_hold_each_row_once(lengths: list[int], seed: int, epoch: int, size: int) -> None:
    batches = shuffled(len(lengths), size, seed=seed, epoch=epoch)
    assert_each_row_once(batches, len(lengths), size)
    assert_even(batches, len(lengths), size)
    assert batches == shuffled(len(lengths), size, seed=seed, epoch=epoch)


@settings(max_examples=80, deadline=None)
@given(LENGTHS, st.integers(1, 2000), st.integers(0, 2**40), st.booleans())
def test_budgeted_batches_hold_each_row_once_within_the_budget(
    lengths: list[int], budget: int, seed: int, padded: bool
) -> None:
    batches = shuffled_tokens(lengths, budget, seed=seed, epoch=3, padded=padded)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        sizes = [lengths[row] for row in batch]
        assert len(batch) == 1 or (max(sizes) * len(sizes) if padded else sum(sizes)) <= budget
    assert batches == shuffled_tokens(lengths, budget, seed=seed, epoch=3, padded=padded)


def test_freely_shuffled_batches_are_full_and_their_mates_change() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 4000).tolist()
    first, second = (shuffled_tokens(lengths, 1024, seed=0, epoch=e, padded=False) for e in (0, 1))
    totals = [sum(lengths[row] for row in batch) for batch in first]
    assert min(totals[:-2]) > 1024 - 60
    assert min(totals) > 512 - 60
    means = [np.mean([lengths[row] for row in batch]) for batch in first]
    assert np.std(means) < 5  # length had no part in it: 16 / sqrt(32 rows) would be 2.8
    neighbours = [
        {(a, b) for batch in epoch for a in batch for b in batch if a < b} for epoch in (first, second)
    ]
    assert len(neighbours[0] & neighbours[1]) < 0.02 * len(neighbours[0])


def test_padding_is_counted_as_it_would_be_computed() -> None:
    assert padding_share([3, 4, 8], [[0, 1], [2]]) == 1 - 15 / 16
    assert padding_share([3, 4, 8], [[0, 1], [2]], multiple=8) == 1 - 15 / 24
    assert padding_share([], []) == 0


def test_a_budget_below_one_token() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        shuffled_tokens([1], 0, seed=0, epoch=0, padded=False)
