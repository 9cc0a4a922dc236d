"""Where a cell's tensors come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.sizing.profiling.cells import Arena, arena_bytes, cache_sizes, diagonal

MIB = 2**20


def test_caches_are_read_as_linux_tells_them(tmp_path: Path) -> None:
    for number, (level, kind, size) in enumerate(
        (
            ("1", "Data", "48K"),
            ("1", "Instruction", "32K"),
            ("2", "Unified", "1024K"),
            ("3", "Unified", "32M"),
        )
    ):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(f"{text}\n")
    assert cache_sizes(tmp_path) == {"L1d": 48 * 1024, "L2": MIB, "L3": 32 * MIB}
    assert cache_sizes(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(("largest", "expected"), [(MIB, 128), (64 * MIB, 256), (1024 * MIB, 512)])
def test_the_block_exceeds_the_largest_cache_within_reason(largest: int, expected: int) -> None:
    assert arena_bytes({"L3": largest}) == expected * MIB
    assert arena_bytes({}) == 128 * MIB


def test_weights_follow_each_other_and_start_again() -> None:
    arena = Arena("fp32", 4 * MIB)
    first, second = arena.weight(512, 512), arena.weight(512, 512)
    assert second.data_ptr() - first.data_ptr() == MIB
    for _ in range(2):
        arena.weight(512, 512)
    assert arena.weight(512, 512).data_ptr() == first.data_ptr()
    assert first.abs().max() <= 0.5
    assert first.std() > 0.2


def test_a_weight_larger_than_the_block_is_made_of_copies_of_it() -> None:
    arena = Arena("bf16", MIB)
    large = arena.weight(1024, 1024)
    assert large.shape == (1024, 1024)
    assert large.isfinite().all()


def test_an_activation_is_nobody_elses() -> None:
    arena = Arena("fp32", MIB)
    given = arena.activation(4, 4)
    before = arena.weight(4, 4).clone()
    given.fill_(7)
    assert (before != 7).all()


def test_the_first_pairs_are_spread_over_both() -> None:
    pairs = diagonal("abcd", (1, 2, 3, 4))
    assert pairs[:6] == [("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2), ("c", 1)]
    assert len(set(pairs)) == 16
