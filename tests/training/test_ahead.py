"""Batches made ahead: the same ones, no more than are expected, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from fitwright.core.errors import DataError
from fitwright.modeling.image_input import load_image_input
from fitwright.training.ahead import Ahead, is_slow
from fitwright.training.batches import Batch, Counts
from fitwright.training.tasks.image_rows import Augmentation, ImageRows, ImageStore
from tests.training.tasks.more_cases import paint

CPU, ONE = torch.device("cpu"), Counts(rows=1, tokens=1, targets=1)


class Numbers:
    """Rows whose batches remember who made them; row 9 cannot be read."""

    def __init__(self) -> None:
        self.made: list[tuple[tuple[int, ...], str]] = []
        self.lengths = [1] * 10

    def __len__(self) -> int:
        return len(self.lengths)

    def counts(self, rows: Sequence[int]) -> Counts:
        return Counts(rows=len(rows), tokens=len(rows), targets=len(rows))

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        if 9 in rows:
            raise DataError("row 9 cannot be read")
        self.made.append((tuple(rows), threading.current_thread().name))
        values = torch.tensor([row + 10 * epoch for row in rows], device=device)
        return Batch(inputs={}, labels=values, counts=self.counts(rows), step=step or self.counts(rows))


def test_expected_batches_come_from_the_thread_and_others_are_made_at_once() -> None:
    rows = Numbers()
    with Ahead(rows, CPU) as ahead:
        ahead.expect([((1, 2), ONE, 0), ((3,), ONE, 1)])
        assert ahead.batch([3], CPU, step=ONE, epoch=1).labels.tolist() == [13]
        assert ahead.batch([1, 2], CPU, step=ONE, epoch=0).labels.tolist() == [1, 2]
        assert ahead.batch([1, 2], CPU, step=ONE, epoch=0).step == ONE  # twice, as coupled losses ask
        assert ahead.batch([1, 2], CPU, step=ONE, epoch=2).labels.tolist() == [21, 22]
    here = threading.current_thread().name
    assert [name == here for _, name in rows.made] == [False, False, True]
    assert not [thread for thread in threading.enumerate() if "fitwright-ahead" in thread.name]


def test_what_is_no_longer_expected_is_dropped() -> None:
    rows = Numbers()
    with Ahead(rows, CPU) as ahead:
        ahead.expect([((1,), ONE, 0)])
        ahead.batch([1], CPU, step=ONE)
        ahead.expect([((2,), ONE, 0)])
        ahead.batch([1], CPU, step=ONE)
    assert [made for made, _ in rows.made].count((1,)) == 2


def test_an_error_is_raised_where_the_batch_is_asked_for_and_later_ones_go_on() -> None:
    with Ahead(Numbers(), CPU) as ahead:
        ahead.expect([((9,), ONE, 0), ((4,), ONE, 0)])
        with pytest.raises(DataError, match="row 9 cannot be read"):
            ahead.batch([9], CPU, step=ONE)
        assert ahead.batch([4], CPU, step=ONE).labels.tolist() == [4]


def test_images_are_read_ahead_with_the_same_pixels(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"image_size": 16}')
    paths = [paint(tmp_path / f"{number}.png", number % 3, number) for number in range(4)]

    def rows() -> ImageRows:
        store = ImageStore(paths=paths, input=load_image_input(tmp_path), augmentation=Augmentation(seed=1))
        return ImageRows(store=store, labels=[0, 1, 0, 1])

    assert is_slow(rows())
    assert not is_slow(Numbers())
    expected = rows().batch([2, 0], CPU, step=ONE, epoch=3).inputs["pixel_values"]
    with Ahead(rows(), CPU) as ahead:
        ahead.expect([((2, 0), ONE, 3)])
        assert torch.equal(ahead.batch([2, 0], CPU, step=ONE, epoch=3).inputs["pixel_values"], expected)
