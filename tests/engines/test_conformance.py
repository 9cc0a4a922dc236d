"""What every engine must do, run on every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fitwright.engines.interface import Engine
from fitwright.engines.loading import NAMES, load_engine

LENGTHS = (5, 40, 17, 3)


def batch(lengths: tuple[int, ...], width: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random rows of those lengths; the first column is the same in every row, as [CLS] is."""
    random = np.random.default_rng(seed)
    input_ids = np.zeros((len(lengths), width), dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for row, length in enumerate(lengths):
        input_ids[row, :length] = random.integers(1000, 30000, length)
        attention_mask[row, :length] = 1
    return input_ids, attention_mask


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest, tiny_bundle: Path) -> Engine:
    return load_engine(tiny_bundle, request.param, threads=1)


@pytest.fixture(scope="module")
def reference_logits(tiny_bundle: Path) -> NDArray[np.float32]:
    """What transformers itself answers, row by row and unpadded."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_bundle).eval()
    input_ids, _ = batch(LENGTHS, 40)
    with torch.inference_mode():
        rows = [
            model(torch.from_numpy(input_ids[i : i + 1, :n])).logits.numpy()[0] for i, n in enumerate(LENGTHS)
        ]
    return np.stack(rows)


def test_answers_what_transformers_answers(engine: Engine, reference_logits: NDArray[np.float32]) -> None:
    logits = engine.logits(*batch(LENGTHS, 40))
    assert logits.dtype == np.float32
    assert logits.shape == (4, 2)
    assert np.abs(reference_logits - reference_logits[0]).max() > 0.05  # rows differ, so the check can fail
    np.testing.assert_allclose(logits, reference_logits, atol=1e-4)


@pytest.mark.parametrize("width", [40, 64, 100])
def test_padding_changes_nothing(engine: Engine, width: int) -> None:
    input_ids, attention_mask = batch(LENGTHS, width)
    padded = engine.logits(input_ids, attention_mask)
    unmasked = engine.logits(input_ids, np.ones_like(attention_mask))
    assert np.abs(padded - unmasked).max() > 0.02  # the mask matters, so the check can fail
    for row, length in enumerate(LENGTHS):
        alone = engine.logits(
            np.ascontiguousarray(input_ids[row : row + 1, :length]),
            np.ascontiguousarray(attention_mask[row : row + 1, :length]),
        )
        np.testing.assert_allclose(alone[0], padded[row], atol=1e-4)


def test_same_input_gives_same_bits(engine: Engine) -> None:
    first, second = (engine.logits(*batch(LENGTHS, 40)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_does_not_write_into_its_input(engine: Engine) -> None:
    input_ids, attention_mask = batch(LENGTHS, 40)
    engine.logits(input_ids, attention_mask)
    np.testing.assert_array_equal(input_ids, batch(LENGTHS, 40)[0])
    np.testing.assert_array_equal(attention_mask, batch(LENGTHS, 40)[1])


def test_names_itself(engine: Engine) -> None:
    assert engine.name in NAMES
    assert engine.precision == "fp32"
