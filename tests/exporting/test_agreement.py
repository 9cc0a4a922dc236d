from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fitwright.exporting.agreement import compare_engines, padded_batches

CONFIGS = [
    {"vocab_size": 50, "pad_token_id": 0, "max_position_embeddings": 512},
    {"vocab_size": 50, "pad_token_id": 1, "max_position_embeddings": 514},
    {"vocab_size": 50, "pad_token_id": None},
    {"vocab_size": 9, "pad_token_id": 8, "max_position_embeddings": 16},
]


class Fixed:
    """Answers the number of tokens it sees, plus ``shift``, for each of two classes."""

    name, precision = "fixed", "fp32"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        assert input_ids.shape == attention_mask.shape
        tokens_B = attention_mask.sum(axis=1).astype(np.float32)
        return np.stack([tokens_B, np.full_like(tokens_B, 10.0 + self.shift)], axis=1)


@pytest.mark.parametrize("config", CONFIGS)
def test_batches_are_ragged_and_padding_is_nowhere_else(config: dict[str, int]) -> None:
    pad_id = config["pad_token_id"] or 0
    batches = padded_batches(config)
    assert len({batch.input_ids.shape for batch in batches}) >= 4
    for batch in batches:
        assert batch.input_ids.dtype == batch.attention_mask.dtype == np.int64
        assert ((batch.input_ids == pad_id) == (batch.attention_mask == 0)).all()
        assert batch.input_ids.max() < config["vocab_size"]
        assert batch.input_ids.shape[1] + pad_id < config.get("max_position_embeddings", 10**6)
        if len(batch.input_ids) > 1:
            assert (batch.attention_mask == 0).any()


def test_agreement_counts_rows_differences_and_answers() -> None:
    batches = padded_batches(CONFIGS[0])
    rows = sum(len(batch.input_ids) for batch in batches)
    same = compare_engines(Fixed(0.0), Fixed(0.25), batches)
    assert (same.rows, same.same_answers) == (rows, rows)
    assert same.max_difference == pytest.approx(0.25)
    other = compare_engines(Fixed(0.0), Fixed(-9.5), batches)
    assert other.same_answers < rows


def test_what_is_not_a_number_is_infinitely_far() -> None:
    assert compare_engines(
        Fixed(0.0), Fixed(float("nan")), padded_batches(CONFIGS[0])
    ).max_difference == float("inf")
