"""Each word is asked about once, where it has most around it, in whatever windows a sentence is read."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from fitwright.data.kinds.token_tags import TaggedTokens
from fitwright.training.tasks.token_classification import IGNORED, TokenClassification, words_of_windows
from fitwright.training.windows import spans


@given(
    tokens=st.lists(st.integers(1, 4), min_size=1, max_size=30), room=st.integers(4, 12),
    stride=st.integers(0, 3),
)  # fmt: skip
def test_every_word_is_asked_about_once_at_its_first_token(tokens: list[int], room: int, stride: int) -> None:
    word_ids = [None, *[word for word, count in enumerate(tokens) for _ in range(count)], None]
    cut = spans(len(word_ids) - 2, room, stride)
    windows = [[0, *range(1 + start, 1 + end), len(word_ids) - 1] for start, end in cut]
    found = words_of_windows(word_ids, windows)
    assert sorted(word for asked in found for word in asked) == list(range(len(tokens)))
    for places, asked in zip(windows, found, strict=True):
        assert all(places[at] == word_ids.index(word) for word, at in asked.items())


def test_a_word_in_two_windows_is_asked_about_in_the_middle_of_one() -> None:
    word_ids = [None, *range(9), None]
    windows = [[0, 1, 2, 3, 4, 5, 10], [0, 4, 5, 6, 7, 8, 9, 10]]
    assert words_of_windows(word_ids, windows) == [
        {0: 1, 1: 2, 2: 3, 3: 4}, {4: 2, 5: 3, 6: 4, 7: 5, 8: 6},
    ]  # fmt: skip


def test_labels_stand_at_the_first_token_of_each_word(small_encoder: Path) -> None:
    rows = TaggedTokens(tokens=(("the", "film", "123456"),), tags=((0, 1, 2),), names=("O", "B-A", "B-B"))
    encoded = TokenClassification().encode(rows, small_encoder, small_encoder, 32)
    batch = encoded.batch([0], torch.device("cpu"))
    kept = [label for label in batch.labels[0].tolist() if label != IGNORED]
    assert kept == [0, 1, 2]
    assert batch.labels[0, 0] == IGNORED  # [CLS]
    assert batch.counts.targets == 3 < batch.counts.tokens - 2
