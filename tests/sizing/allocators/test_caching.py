"""The rules of PyTorch's CUDA allocator, each against numbers worked out by hand."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.allocators.caching import CachingAllocator
from fitwright.sizing.allocators.interface import FREE, OutOfMemory, replay
from tests.sizing.allocators.sequences import mixed

KiB, MiB = 1 << 10, 1 << 20


def held(*events: tuple[int, int], **options: object) -> tuple[int, int]:
    """(allocated, reserved) bytes after the events."""
    allocator = CachingAllocator(**options)  # type: ignore[arg-type]
    replay(events, allocator)
    return allocator.allocated_bytes, allocator.reserved_bytes


@pytest.mark.parametrize(
    ("size", "allocated", "reserved"),
    [
        (1, 512, 2 * MiB),
        (512, 512, 2 * MiB),
        (513, 1024, 2 * MiB),
        (1 * MiB, 1 * MiB, 2 * MiB),
        (1 * MiB + 1, 1 * MiB + 512, 20 * MiB),
        (10 * MiB - 512, 10 * MiB - 512, 20 * MiB),
        (10 * MiB - 1, 10 * MiB, 10 * MiB),  # rounded to 512 first: no longer below 10 MiB
        (10 * MiB + 1, 10 * MiB + 512, 12 * MiB),  # the rest, 2 MiB - 512, is split off
        (11 * MiB, 12 * MiB, 12 * MiB),  # the rest, 1 MiB, is not
        (11 * MiB - 512, 11 * MiB - 512, 12 * MiB),  # 1 MiB + 512 is
        (100 * MiB, 100 * MiB, 100 * MiB),
    ],
)
def test_one_request(size: int, allocated: int, reserved: int) -> None:
    assert held((0, size)) == (allocated, reserved)


def test_small_requests_share_a_segment_until_it_is_full() -> None:
    assert held(*((i, 512 * KiB) for i in range(4))) == (2 * MiB, 2 * MiB)
    assert held(*((i, 512 * KiB) for i in range(5))) == (2560 * KiB, 4 * MiB)


def test_the_pools_do_not_mix() -> None:
    """A free 19 MiB of the large pool does not serve 512 bytes."""
    assert held((0, 1 * MiB + 1), (1, 512)) == (1 * MiB + 1024, 22 * MiB)


def test_best_fit_takes_the_smallest_free_block() -> None:
    """Of free 30, 16 and 24 MiB, 16 MiB goes into the 16; then 24 into the 24 and 30 into the 30."""
    wanted = ((0, 30 * MiB), (1, 16 * MiB), (2, 24 * MiB))
    freed = ((0, FREE), (1, FREE), (2, FREE))
    assert held(*wanted, *freed, (3, 16 * MiB), (4, 24 * MiB), (5, 30 * MiB)) == (70 * MiB, 70 * MiB)
    # the 24 and the 30 taken for less, 30 MiB finds nothing
    assert held(*wanted, *freed, (3, 17 * MiB), (4, 24 * MiB), (5, 30 * MiB)) == (71 * MiB, 100 * MiB)


def test_of_equal_blocks_the_lowest_address_goes_first() -> None:
    allocator = CachingAllocator()
    replay([(0, 12 * MiB), (1, 12 * MiB), (1, FREE), (0, FREE), (2, 12 * MiB)], allocator)
    allocator.empty_cache()
    replay([(3, 12 * MiB), (2, FREE), (3, FREE), (4, 12 * MiB), (5, 12 * MiB)], allocator)
    assert allocator._live[4].address < allocator._live[5].address  # type: ignore[union-attr]


def test_neighbours_unite_when_freed_in_any_order() -> None:
    three = ((0, 5 * MiB), (1, 5 * MiB), (2, 5 * MiB))
    for order in ((0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)):
        freed = ((slot, FREE) for slot in order)
        assert held(*three, *freed, (3, 20 * MiB)) == (20 * MiB, 20 * MiB)


def test_segments_do_not_unite() -> None:
    assert held((0, 12 * MiB), (1, 12 * MiB), (0, FREE), (1, FREE), (2, 24 * MiB)) == (24 * MiB, 48 * MiB)


def test_freed_memory_stays_reserved_until_the_cache_is_emptied() -> None:
    allocator = CachingAllocator()
    replay([(0, 50 * MiB), (1, 5 * MiB), (0, FREE)], allocator)
    assert (allocator.allocated_bytes, allocator.reserved_bytes) == (5 * MiB, 70 * MiB)
    allocator.empty_cache()
    assert allocator.reserved_bytes == 20 * MiB
    assert allocator.peak_reserved_bytes == 70 * MiB


def test_a_full_device_gives_back_the_cache_and_tries_again() -> None:
    assert held((0, 12 * MiB), (0, FREE), (1, 20 * MiB), capacity_bytes=30 * MiB) == (20 * MiB, 20 * MiB)


def test_out_of_memory_says_what_was_held() -> None:
    with pytest.raises(OutOfMemory) as failed:
        held((0, 12 * MiB), (1, 20 * MiB), capacity_bytes=30 * MiB)
    error = failed.value
    assert (error.size_bytes, error.allocated_bytes, error.reserved_bytes) == (20 * MiB, 12 * MiB, 12 * MiB)
    assert error.capacity_bytes == 30 * MiB
    assert "21.0 MB more do not fit: 12.6 MB allocated" in str(error)


def test_a_divided_segment_cannot_be_given_back() -> None:
    """Fragmentation: 18 of 20 MiB are free, yet 30 MiB do not fit into 45."""
    events = ((0, 2 * MiB), (1, 18 * MiB), (1, FREE))
    assert held(*events, (2, 30 * MiB), capacity_bytes=50 * MiB)[1] == 50 * MiB
    with pytest.raises(OutOfMemory) as failed:
        held(*events, (2, 30 * MiB), capacity_bytes=45 * MiB)
    assert failed.value.reserved_bytes == 20 * MiB


def test_blocks_above_the_split_limit_serve_large_requests_alone() -> None:
    """With max_split_size 32 MiB a free 64 MiB block serves neither 16 MiB nor 40, but 50 MiB, undivided."""
    freed = ((0, 64 * MiB), (0, FREE))
    limit = {"max_split_bytes": 32 * MiB}
    assert held(*freed, (1, 16 * MiB), **limit) == (16 * MiB, 80 * MiB)
    assert held(*freed, (1, 40 * MiB), **limit) == (40 * MiB, 104 * MiB)
    assert held(*freed, (1, 50 * MiB), **limit) == (64 * MiB, 64 * MiB)
    assert held(*freed, (1, 16 * MiB)) == (16 * MiB, 64 * MiB)


def test_on_a_full_device_the_unsplittable_go_first() -> None:
    """The free 12 MiB stay cached, where without the limit the whole cache goes."""
    events = ((0, 64 * MiB), (1, 12 * MiB), (0, FREE), (1, FREE), (2, 40 * MiB))
    assert held(*events, max_split_bytes=32 * MiB, capacity_bytes=80 * MiB) == (40 * MiB, 52 * MiB)
    two = ((0, 40 * MiB), (1, 40 * MiB), (2, 12 * MiB), (0, FREE), (1, FREE), (2, FREE), (3, 70 * MiB))
    assert held(*two, max_split_bytes=32 * MiB, capacity_bytes=95 * MiB) == (70 * MiB, 82 * MiB)


def test_the_split_limit_is_checked() -> None:
    with pytest.raises(UsageError, match="more than 20971520"):
        CachingAllocator(max_split_bytes=20 * MiB)
    with pytest.raises(UsageError, match="not with expandable"):
        CachingAllocator(max_split_bytes=64 * MiB, expandable=True)


def test_the_large_segment_can_be_chosen() -> None:
    assert held((0, 5 * MiB), large_segment_bytes=40 * MiB) == (5 * MiB, 40 * MiB)


# expandable segments


def test_an_expandable_segment_grows_by_pages() -> None:
    """15 + 15 + 11 MiB lie side by side in three pages of 20 MiB; fixed segments need 16 + 16 + 12."""
    three = ((0, 15 * MiB), (1, 15 * MiB), (2, 11 * MiB))
    assert held(*three, expandable=True) == (41 * MiB, 60 * MiB)
    assert held((0, 512), (1, 2 * MiB - 512), expandable=True) == (2 * MiB, 22 * MiB)
    assert held((0, 1 * MiB), (1, 1 * MiB), (2, 512), expandable=True) == (2 * MiB + 512, 4 * MiB)


def test_what_was_freed_in_an_expandable_segment_tiles() -> None:
    """30 MiB fit where two of 15 were, and a batch that grows needs no segment per step."""
    events = ((0, 15 * MiB), (1, 15 * MiB), (2, 11 * MiB), (0, FREE), (1, FREE), (3, 30 * MiB))
    assert held(*events, expandable=True) == (41 * MiB, 60 * MiB)
    assert held(*events)[1] == (16 + 16 + 12 + 30) * MiB
    growing = [event for i in range(20) for event in ((i, (40 + i) * MiB), (i, FREE))]
    assert held(*growing, expandable=True)[1] == 60 * MiB
    assert held(*growing)[1] > 400 * MiB


def test_the_end_of_an_expandable_segment_is_used_last() -> None:
    """The free end can grow, so it counts as larger than the hole of 30 MiB before it."""
    events = ((0, 30 * MiB), (1, 25 * MiB), (0, FREE), (2, 4 * MiB))
    allocator = CachingAllocator(expandable=True)
    replay(events, allocator)
    assert allocator._live[2].address == 0  # type: ignore[union-attr]


def test_whole_free_pages_are_unmapped_on_a_full_device() -> None:
    """Of 70 MiB free in the middle, the pages 20 to 60 go back: 5 + 70 + 5 MiB, then 60 more on 100."""
    events = ((0, 5 * MiB), (1, 70 * MiB), (2, 5 * MiB), (1, FREE))
    assert held(*events, expandable=True) == (10 * MiB, 80 * MiB)
    allocator = CachingAllocator(expandable=True)
    replay(events, allocator)
    allocator.empty_cache()
    assert allocator.reserved_bytes == 40 * MiB
    replay([(3, 75 * MiB), (4, 70 * MiB)], allocator)  # the hole in the middle is mapped again
    assert allocator._live[4].address == 5 * MiB  # type: ignore[union-attr]
    with pytest.raises(OutOfMemory):
        held(*events, (3, 90 * MiB), expandable=True, capacity_bytes=100 * MiB)


# properties


@given(seed=st.integers(0, 10**6), expandable=st.booleans(), tight=st.booleans())
@settings(max_examples=60, deadline=None)
def test_live_blocks_never_overlap_and_all_comes_back(seed: int, expandable: bool, tight: bool) -> None:
    allocator = CachingAllocator(expandable=expandable, capacity_bytes=120 * MiB if tight else None)
    for slot, size in mixed(120, 40 * MiB, seed):
        if size == FREE and slot not in allocator._live:
            continue  # it did not fit
        with contextlib.suppress(OutOfMemory):
            replay([(slot, size)], allocator)
        live = sorted((b.address, b.address + b.size) for b in allocator._live.values() if b is not None)
        assert all(end <= start for (_, end), (start, _) in pairwise(live))
        assert not tight or allocator.reserved_bytes <= 120 * MiB
    free = [block for pool in (allocator._small, allocator._large) for _, _, block in pool.free]
    assert all(b.before is None or not b.before.mapped for b in free)  # nothing left divided
    assert sum(b.size for b in free) == allocator.reserved_bytes
    allocator.empty_cache()
    assert allocator.reserved_bytes == 0
