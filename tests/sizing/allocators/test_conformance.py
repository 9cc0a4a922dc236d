"""What every allocator model must do, run on each."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.allocators.caching import CachingAllocator
from fitwright.sizing.allocators.glibc import GlibcHeap
from fitwright.sizing.allocators.interface import FREE, Allocator, replay
from tests.sizing.allocators.sequences import mixed, peak_bytes, training

MAKERS: dict[str, Callable[[], Allocator]] = {
    "caching": CachingAllocator,
    "expandable": lambda: CachingAllocator(expandable=True),
    "unsplit": lambda: CachingAllocator(max_split_bytes=32 << 20),
    "glibc": GlibcHeap,
    "glibc-bare": lambda: GlibcHeap(small_objects=False),
    "glibc-fixed": lambda: GlibcHeap(fixed_threshold=True),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@each
@given(seed=st.integers(0, 10**6), largest=st.sampled_from([2000, 3 << 20, 70 << 20]))
@settings(max_examples=12, deadline=None)
def test_counts_hold_at_every_event(make: Callable[[], Allocator], seed: int, largest: int) -> None:
    allocator, live = make(), dict[int, int]()
    allocated_seen = reserved_seen = 0
    for slot, size in mixed(150, largest, seed):
        if size == FREE:
            allocator.free(slot)
            del live[slot]
        else:
            allocator.allocate(slot, size)
            live[slot] = size
        allocated_seen = max(allocated_seen, allocator.allocated_bytes)
        reserved_seen = max(reserved_seen, allocator.reserved_bytes)
        assert sum(live.values()) <= allocator.allocated_bytes <= allocator.reserved_bytes
    assert allocator.allocated_bytes == 0
    assert allocator.peak_allocated_bytes == allocated_seen
    assert allocator.peak_reserved_bytes == reserved_seen


@each
def test_the_second_equal_step_needs_no_more(make: Callable[[], Allocator]) -> None:
    """Tensors that live and die in the same order again find the memory of the first time, or nearly."""
    step = mixed(300, 8 << 20, seed=3)
    allocator = make()
    first = replay(step, allocator)
    again = replay([(slot + 10**6, size) for slot, size in step], allocator)
    assert again.peak_reserved_bytes <= 1.2 * first.peak_reserved_bytes


@each
def test_the_peak_event_is_the_one_with_most_alive(make: Callable[[], Allocator]) -> None:
    events = training(2, 256, 512, 1 << 20, steps=2)
    found = replay(events, make())
    assert peak_bytes(events[: found.peak_event + 1]) == pytest.approx(peak_bytes(events), rel=1e-3)
    assert found.peak_allocated_bytes >= peak_bytes(events)


@each
def test_an_empty_tensor_takes_nothing(make: Callable[[], Allocator]) -> None:
    allocator = make()
    allocator.allocate(0, 0)
    assert allocator.allocated_bytes == 0
    allocator.free(0)


@each
def test_wrong_use_is_an_error(make: Callable[[], Allocator]) -> None:
    allocator = make()
    allocator.allocate(7, 100)
    with pytest.raises(UsageError, match="in use; got 7"):
        allocator.allocate(7, 100)
    with pytest.raises(UsageError, match="negative size; got -3"):
        allocator.allocate(8, -3)
    allocator.free(7)
    with pytest.raises(UsageError, match="not in use; got 7"):
        allocator.free(7)


@each
def test_a_replay_takes_microseconds_an_event(make: Callable[[], Allocator]) -> None:
    """20,000 events take 0.02 to 0.1 s on one core; ten times that is a defect."""
    events = training(12, 768, 512, 4 << 20, steps=25)[:20_000]
    start = time.process_time()
    replay(events, make())
    assert time.process_time() - start < 1.0
