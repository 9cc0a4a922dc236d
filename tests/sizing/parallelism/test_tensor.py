"""Tensor parallelism by counting, and the activation formula at the paper's own points."""

from __future__ import annotations

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing.parallelism.tensor import (
    Shape,
    layer_activation_bytes,
    possible_degrees,
    split,
    step_traffic_bytes,
)

BERT = Shape(hidden=768, heads=12, kv_heads=12, head_dim=64, ffn=3072, vocabulary=30522)
LLAMA = Shape(
    hidden=8192,
    heads=64,
    kv_heads=8,
    head_dim=128,
    ffn=28672,
    vocabulary=128256,
    gated=True,
    biases=False,
    tables=2,
)
"""Llama 3 70B, 80 layers."""


def test_one_device_holds_the_whole_model() -> None:
    """A block of BERT-base: 7,087,872. Llama 3 70B: 70,553,706,496, of which 8,192 in the last norm."""
    assert split(BERT, 1).layer_parameters == 7_087_872
    assert split(BERT, 1).table_parameters == 30522 * 768
    assert split(LLAMA, 1).parameters(80) == 70_553_706_496 - 8192


def test_two_devices_hold_half_of_the_matrices_and_copies_of_the_rest() -> None:
    half = split(BERT, 2)
    matrices = 4 * 768 * 768 + 2 * 768 * 3072
    split_biases, copied = 3 * 768 + 3072, 2 * 768 + 4 * 768
    assert matrices + split_biases + copied == 7_087_872
    assert half.layer_parameters == (matrices + split_biases) // 2 + copied
    assert (half.heads, half.ffn) == (6, 1536)


def test_the_vocabulary_is_padded_to_128_rows_a_device() -> None:
    """30,522 rows on 4 devices: up to 30,720, 7,680 each."""
    found = split(BERT, 4)
    assert found.padded_vocabulary == 30720
    assert found.table_parameters == 7680 * 768
    assert split(BERT, 1).padded_vocabulary == 30522


def test_key_value_heads_are_split_or_copied() -> None:
    assert (split(LLAMA, 4).kv_heads, split(LLAMA, 4).kv_copies) == (2, 1)
    assert (split(LLAMA, 8).kv_heads, split(LLAMA, 8).kv_copies) == (1, 1)
    assert (split(LLAMA, 32).kv_heads, split(LLAMA, 32).kv_copies) == (1, 4)
    per_head = 8192 * 128
    assert split(LLAMA, 32).layer_parameters == 2 * per_head * 2 + 2 * per_head + 3 * 8192 * 896 + 2 * 8192


@pytest.mark.parametrize(
    ("shape", "degree", "message"),
    [
        (BERT, 8, "12 heads cannot be split over 8; allowed: degrees 1, 2, 3, 4, 6, 12"),
        (LLAMA, 3, "64 heads cannot be split over 3"),
        (BERT, 0, "tensor-parallel degree must be at least 1; got 0"),
        (
            Shape(hidden=64, heads=12, kv_heads=3, head_dim=8, ffn=192, vocabulary=100),
            2,
            "3 key-value heads cannot be split over 2, nor copied to them evenly; allowed: degrees 1, 3, 6",
        ),
        (
            Shape(hidden=64, heads=8, kv_heads=8, head_dim=8, ffn=100, vocabulary=100),
            8,
            "100 feed-forward columns cannot be split over 8",
        ),
    ],
)
def test_what_cannot_be_split_is_named(shape: Shape, degree: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(shape, degree)


def test_possible_degrees_are_those_that_split_accepts() -> None:
    for shape in (BERT, LLAMA):
        for degree in range(1, 65):
            if degree in possible_degrees(shape):
                split(shape, degree)
            else:
                with pytest.raises(UsageError):
                    split(shape, degree)
    assert possible_degrees(LLAMA) == [1, 2, 4, 8, 16, 32, 64]


def test_activations_of_a_layer_as_in_the_paper() -> None:
    """The 22B model: a=64, s=2048, h=6144, b=4 (arXiv:2205.05198, tables 2 and 3). 5as/h = 106.7."""
    point = {"batch": 4, "seq": 2048, "hidden": 6144, "heads": 64}
    sbh = 2048 * 4 * 6144
    assert layer_activation_bytes(**point, degree=1) == pytest.approx(sbh * (34 + 320 / 3))
    assert layer_activation_bytes(**point, degree=8) == pytest.approx(sbh * (13 + 40 / 3))
    parallel = layer_activation_bytes(**point, degree=8, sequence_parallel=True)
    assert parallel == pytest.approx(sbh * (34 + 320 / 3) / 8)
    assert (
        layer_activation_bytes(**point, degree=8, sequence_parallel=True, scores_stored=False)
        == sbh * 34 // 8
    )
    with pytest.raises(UsageError, match="64 heads cannot be split over 3"):
        layer_activation_bytes(**point, degree=3)


def test_four_sums_a_layer_and_step() -> None:
    """Two devices: each sends B·S·h values per sum. Inference makes half as many."""
    point = {"batch": 8, "seq": 128, "hidden": 768, "layers": 12, "value_bytes": 2}
    assert step_traffic_bytes(**point, degree=2, training=True) == 12 * 4 * 8 * 128 * 768 * 2
    assert step_traffic_bytes(**point, degree=2, training=False) == 12 * 2 * 8 * 128 * 768 * 2
    assert step_traffic_bytes(**point, degree=1, training=True) == 0
    assert step_traffic_bytes(**point, degree=4, training=True) == 12 * 4 * 8 * 128 * 768 * 2 * 3 // 2


def test_an_empty_shape_is_an_error() -> None:
    with pytest.raises(UsageError, match="kv_heads must be at least 1; got 0"):
        Shape(hidden=64, heads=8, kv_heads=0, head_dim=8, ffn=256, vocabulary=100)
