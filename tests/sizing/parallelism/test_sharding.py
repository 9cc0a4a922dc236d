"""ZeRO and FSDP, against the figures of the paper and by counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.parallelism.sharding import States, largest_shard_elements, share, traffic

GB = 10**9
PAPER = States(weights_bytes=15 * GB, gradients_bytes=15 * GB, optimiser_bytes=90 * GB)
"""7.5 billion parameters in fp16 with Adam: 2 + 2 + 12 bytes each."""


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_figure_1_of_the_zero_paper(stage: int, gigabytes: float) -> None:
    """7.5 billion parameters on 64 devices (arXiv:1910.02054, figure 1)."""
    assert share(PAPER, stage=stage, degree=64).total_bytes / GB == pytest.approx(gigabytes, abs=0.05)


def test_the_layers_at_work_are_put_together_twice() -> None:
    found = share(PAPER, stage=3, degree=64, largest_unit_bytes=GB // 2)
    assert found.gathered_bytes == GB
    assert share(PAPER, stage=2, degree=64, largest_unit_bytes=GB // 2).gathered_bytes == 0
    assert share(PAPER, stage=3, degree=1, largest_unit_bytes=GB).total_bytes == 120 * GB
    assert share(PAPER, stage=3, degree=2, largest_unit_bytes=14 * GB).gathered_bytes == 15 * GB


def test_volumes_of_section_7_of_the_zero_paper() -> None:
    """Ψ values each: 2Ψ for DDP and stages 1 and 2, 3Ψ for stage 3, with many devices."""

    def sent(stage: int) -> int:
        return traffic(weights_bytes=GB, gradients_bytes=GB, stage=stage, degree=1000).total_bytes

    assert [round(sent(stage) / GB, 2) for stage in (0, 1, 2, 3)] == [2.0, 2.0, 2.0, 3.0]


def test_two_devices_send_half_of_each_pass() -> None:
    found = traffic(weights_bytes=1000, gradients_bytes=2000, stage=3, degree=2)
    assert (found.all_reduce_bytes, found.all_gather_bytes, found.reduce_scatter_bytes) == (0, 1000, 1000)
    assert traffic(weights_bytes=1000, gradients_bytes=2000, stage=0, degree=2).all_reduce_bytes == 2000
    assert traffic(weights_bytes=1000, gradients_bytes=2000, stage=3, degree=1).total_bytes == 0


def test_accumulation_multiplies_what_each_part_sends() -> None:
    def sent(stage: int, **more: bool) -> int:
        return traffic(
            weights_bytes=1000, gradients_bytes=1000, stage=stage, degree=2, accumulation=4, **more
        ).total_bytes

    assert (sent(0), sent(1)) == (1000, 1000)  # once
    assert sent(2) == 500 + 4 * 500
    assert sent(3) == 4 * 1500
    assert sent(3, keep_after_forward=True) == 4 * 1000


@given(degree=st.integers(1, 64), elements=st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_the_first_shard_is_the_largest_chunk(degree: int, elements: list[int]) -> None:
    """Against splitting a range as torch.chunk does."""

    def chunk(rows: int) -> int:
        per = -(-rows // degree)
        return len(list(range(rows))[:per])

    shapes = [((rows, 7), 2) for rows in elements]
    assert largest_shard_elements(shapes, degree) == sum(2 * 7 * chunk(rows) for rows in elements)


def test_a_scalar_stays_whole() -> None:
    assert largest_shard_elements([((), 3), ((10,), 1)], 4) == 3 + 3


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UsageError, match="unknown ZeRO stage; got 4; allowed: 0: every device"):
        share(PAPER, stage=4, degree=8)
    with pytest.raises(UsageError, match="degree must be at least 1; got 0"):
        share(PAPER, stage=1, degree=0)
    with pytest.raises(UsageError, match="accumulation must be at least 1"):
        traffic(weights_bytes=1, gradients_bytes=1, stage=3, degree=8, accumulation=0)
