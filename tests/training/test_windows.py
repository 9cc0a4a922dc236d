"""Windows cover every token, and a row weighs the same in however many windows it is read."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.training.batches import EncodedRows
from fitwright.training.replay import ReplayRows
from fitwright.training.tasks.text import mean_loss
from fitwright.training.windows import WindowedRows, row_means, spans, windows_of

CPU = torch.device("cpu")
ROWS = WindowedRows(
    lines=EncodedRows(
        token_ids=[[5, 6, 7], [7, 8], [9], [3, 4, 5, 6]], labels=[1, 1, 0, 1], pad_id=0,
        weights=[2.0, 2.0, 0.5, 1.0],
    ),
    starts=[0, 2, 3, 4],
)  # fmt: skip


@given(length=st.integers(0, 200), room=st.integers(1, 40), stride=st.integers(0, 39))
def test_windows_cover_a_text_and_overlap_by_the_stride(length: int, room: int, stride: int) -> None:
    if stride >= room:
        with pytest.raises(UsageError, match="stride"):
            spans(length, room, stride)
        return
    found = spans(length, room, stride)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(end - start <= room for start, end in found)
    assert all(before[1] - after[0] == stride for before, after in itertools.pairwise(found))


def test_what_does_not_slide_stands_in_every_window() -> None:
    pair = SimpleNamespace(sequence_ids=[None, 0, 0, 0, None, *[1] * 20, None])
    for places in windows_of(pair, 16, 2, text=1):
        assert places[:5] == [0, 1, 2, 3, 4]
        assert places[-1] == 25
        assert len(places) <= 16


def test_a_question_that_leaves_no_room_is_cut() -> None:
    pair = SimpleNamespace(sequence_ids=[None, *[0] * 30, None, *[1] * 20, None])
    found = windows_of(pair, 16, 2, text=1)
    assert all(len(places) <= 16 and places[0] == 0 and 31 in places for places in found)
    assert {place for places in found for place in places} >= set(range(32, 52))


def test_a_row_weighs_the_same_in_however_many_windows() -> None:
    batch = ROWS.batch([2, 0], CPU)
    assert batch.labels.tolist() == [1, 1]
    assert batch.counts.rows == 2
    assert batch.counts.tokens == 9
    values_L = torch.tensor([4.0, 1.0, 3.0])
    assert row_means(values_L, batch).tolist() == [4.0, 2.0]
    loss = mean_loss(values_L, batch, lambda logits, labels: logits * labels)
    assert float(loss) == (4.0 * 1 + 2.0 * 2) / 2  # the weights of the rows are 1 and 2


def test_rows_cost_what_all_their_windows_hold() -> None:
    assert ROWS.lengths == [5, 1, 4]


def test_replayed_rows_keep_weights_and_windows() -> None:
    old = EncodedRows(token_ids=[[8, 9]], labels=[0], pad_id=0)
    batch = ReplayRows(ROWS, old, 0.5).batch([0, 3], CPU)
    assert batch.labels.tolist() == [1, 0]
    assert batch.line_rows is not None
    assert batch.line_rows.tolist() == [0, 0, 1]
    assert batch.weights is not None
    assert batch.weights.tolist() == [2.0, 1.0]
    assert batch.inputs["input_ids"].shape[0] == 3
