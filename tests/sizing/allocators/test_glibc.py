"""glibc's malloc: its rules against numbers worked out by hand, and the whole against the real thing."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.allocators.glibc import GlibcHeap
from fitwright.sizing.allocators.interface import FREE, replay
from tests.sizing.allocators.sequences import holes, mixed, peak_bytes, training

KiB, MiB, PAGE = 1 << 10, 1 << 20, 4096


def bare(*events: tuple[int, int], **options: int) -> GlibcHeap:
    heap = GlibcHeap(small_objects=False, **options)  # type: ignore[arg-type]
    replay(events, heap)
    return heap


def settled(*events: tuple[int, int]) -> tuple[GlibcHeap, int]:
    """A heap with a full thread cache and a threshold of 20 MiB, after the events; its bytes before them."""
    heap = bare(*((-slot, 1000) for slot in range(1, 60)), (0, 20 * MiB), (0, FREE))
    before = heap.resident_bytes
    replay(events, heap)
    return heap, before


def near(bytes_: int) -> object:
    return pytest.approx(bytes_, abs=4 * PAGE)


# the threshold


def test_a_large_tensor_has_pages_of_its_own_that_go_back() -> None:
    heap = bare((0, 8 * MiB))
    assert heap.resident_bytes == near(8 * MiB)
    heap.free(0)
    assert heap.resident_bytes == near(0)
    assert heap.peak_resident_bytes == near(8 * MiB)


def test_the_threshold_rises_to_what_was_freed() -> None:
    """After 8 MiB were freed, the next 8 MiB live in the heap, and stay resident when freed."""
    heap = bare((0, 8 * MiB), (0, FREE))
    assert 8 * MiB < heap.mmap_threshold_bytes < 8 * MiB + 2 * PAGE
    replay([(1, 8 * MiB), (2, 100 * KiB), (1, FREE)], heap)
    assert heap.allocated_bytes == 100 * KiB
    assert heap.resident_bytes == near(8 * MiB + 100 * KiB)


def test_the_threshold_stops_at_32_mib() -> None:
    assert bare((0, 33 * MiB), (0, FREE)).mmap_threshold_bytes == 128 * KiB
    assert bare((0, 31 * MiB), (0, FREE)).mmap_threshold_bytes > 31 * MiB


def test_a_fixed_threshold_keeps_large_tensors_out_of_the_heap() -> None:
    """As MALLOC_MMAP_THRESHOLD_ does: what is resident is what is alive."""
    events = training(2, 512, 1024, 8 << 20, steps=2)
    free, fixed = GlibcHeap(), GlibcHeap(fixed_threshold=True)
    replay(events, free)
    replay(events, fixed)
    assert fixed.peak_resident_bytes == pytest.approx(peak_bytes(events), rel=0.01)
    assert free.peak_resident_bytes > 1.03 * peak_bytes(events)


def test_a_process_with_libraries_starts_with_a_higher_threshold() -> None:
    assert bare((0, MiB), (1, MiB), (0, FREE)).resident_bytes == near(MiB)
    assert bare((0, MiB), (1, MiB), (0, FREE), mmap_threshold_bytes=2 * MiB).resident_bytes == near(2 * MiB)


# the heap


def freed(*slots: int) -> list[tuple[int, int]]:
    return [(slot, FREE) for slot in slots]


def test_the_top_is_given_back_beyond_twice_the_threshold() -> None:
    """With the threshold at 20 MiB, 36 MiB free at the top stay; 45 go, but for the pad of 128 KiB."""
    heap, before = settled((1, 18 * MiB), (2, 18 * MiB), *freed(1, 2))
    assert heap.resident_bytes - before == near(36 * MiB)
    heap, before = settled((1, 15 * MiB), (2, 15 * MiB), (3, 15 * MiB), *freed(1, 2, 3))
    assert heap.resident_bytes - before == near(128 * KiB)


def test_a_small_tensor_above_holds_everything_below() -> None:
    heap, before = settled((1, 16 * MiB), (2, 16 * MiB), (3, 16 * MiB), (4, 64 * KiB), *freed(1, 2, 3))
    assert heap.resident_bytes - before == near(48 * MiB + 64 * KiB)
    heap.free(4)
    assert heap.resident_bytes - before == near(128 * KiB)


def test_free_neighbours_unite_and_serve_a_larger_request() -> None:
    heap, before = settled((1, 9 * MiB), (2, 9 * MiB), (3, MiB), *freed(1, 2), (4, 17 * MiB))
    assert heap.resident_bytes - before == near(19 * MiB)


def test_the_smallest_hole_that_fits_is_taken() -> None:
    """4 MiB go into the hole of 5, not of 12; so 11 still fit without growth."""
    held = ((1, 12 * MiB), (2, MiB), (3, 5 * MiB), (4, MiB))
    heap, before = settled(*held, *freed(1, 3), (5, 4 * MiB), (6, 11 * MiB))
    assert heap.resident_bytes - before == near(19 * MiB)
    heap, before = settled(*held, *freed(1, 3), (5, 6 * MiB), (6, 11 * MiB))
    assert heap.resident_bytes - before == near(30 * MiB)


def test_a_hole_of_the_exact_size_is_too_small() -> None:
    """An aligned request looks for 112 bytes more than it keeps; a hole between live tensors lacks them."""
    held = [(slot, 2 * MiB) for slot in range(1, 20)]
    cold = bare((0, 20 * MiB), (0, FREE), *held, *freed(2, 4, 6), (21, 2 * MiB), (22, 2 * MiB), (23, 2 * MiB))
    assert cold.resident_bytes == near((19 + 3) * 2 * MiB)


def test_a_graph_holds_the_heap_apart_until_the_step_ends() -> None:
    """300 MiB of activations are freed, but 40 MiB find no room between the graph's nodes."""

    def after_backward(*, graph: bool) -> GlibcHeap:
        heap = GlibcHeap(mmap_threshold_bytes=4 * MiB)
        if graph:
            heap.begin_forward()
        replay([(slot, 3 * MiB) for slot in range(100)], heap)
        heap.end_forward()
        replay(freed(*reversed(range(100))), heap)
        return heap

    def growth(heap: GlibcHeap, slot: int) -> int:
        before = heap.resident_bytes
        heap.allocate(slot, 40 * MiB)
        return heap.resident_bytes - before

    held = after_backward(graph=True)
    assert growth(held, 1000) == near(40 * MiB)
    held.end_step()
    assert growth(held, 1001) == near(0)
    assert growth(after_backward(graph=False), 1000) == near(0)


def test_the_place_of_the_first_chunk_is_checked() -> None:
    with pytest.raises(UsageError, match="0, 16, 32, 48"):
        GlibcHeap(offset_bytes=8)


@given(seed=st.integers(0, 10**6), small_objects=st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_heap_is_tiled_without_overlap(seed: int, small_objects: bool) -> None:
    heap = GlibcHeap(small_objects=small_objects)
    for event in mixed(150, 4 << 20, seed):
        replay([event], heap)
        chunks, chunk = [], heap._arena._last
        while chunk is not None:
            chunks.append(chunk)
            chunk = chunk.before
        for above, below in pairwise(chunks):
            assert below.address + below.size == above.address
            assert not (below.state and above.state), "free neighbours are united"
        assert not chunks or chunks[0].address + chunks[0].size == heap._arena.top <= heap._arena.end
        live = [c for _, c, _ in heap._live.values() if c is not None]
        assert all((c.address + 16) % 64 == 0 and c.state == 0 for c in live)
        assert heap.resident_bytes <= heap.reserved_bytes + PAGE


# the real thing

REAL = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None)
libc.posix_memalign.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
events, out, slots = json.load(sys.stdin), ctypes.c_void_p(), {}
place = ctypes.byref(out)
statm = os.open("/proc/self/statm", os.O_RDONLY)
def resident():
    pages = os.pread(statm, 200, 0).split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")
start, peak = resident(), 0
for slot, size in events:
    if size < 0:
        libc.free(slots.pop(slot))
    else:
        assert libc.posix_memalign(place, 64, size) == 0
        ctypes.memset(out.value, 1, size)
        slots[slot] = out.value
        peak = max(peak, resident() - start)
print(peak)
"""


def real_peak_bytes(events: list[tuple[int, int]]) -> int:
    """What a fresh process needs for the events, by the kernel's own count."""
    run = [sys.executable, "-c", REAL]
    return int(
        subprocess.run(run, input=json.dumps(events), capture_output=True, text=True, check=True).stdout
    )


on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@on_glibc
@pytest.mark.parametrize(("count", "size_bytes"), [(300, 1 << 20), (40, 6 << 20), (20, 20 << 20)])
def test_a_real_process_has_the_same_peak(count: int, size_bytes: int) -> None:
    """Within 2 %, where the live bytes alone are 25 to 35 % too low."""
    events = holes(count, size_bytes)
    real_bytes = real_peak_bytes(events)
    assert real_bytes > 300 * 10**6
    assert bare(*events).peak_resident_bytes == pytest.approx(real_bytes, rel=0.02)
    assert peak_bytes(events) < 0.8 * real_bytes


@on_glibc
def test_a_real_process_trains_with_the_same_peak() -> None:
    """Equal tensors that come and go in turn: the peak hangs on where the first chunk lies."""
    events = training(8, 256, 4096, 12 << 20, steps=3, embedding_bytes=8 << 20)
    peaks = [bare(*events, offset_bytes=offset).peak_resident_bytes for offset in (0, 16, 32, 48)]
    real_bytes = real_peak_bytes(events)
    assert 0.96 * min(peaks) <= real_bytes <= 1.04 * max(peaks)
    assert peak_bytes(events) < 0.96 * 0.96 * min(peaks)
