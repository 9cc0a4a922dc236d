"""Which surface prices which operator."""

from __future__ import annotations

import pytest

from fitwright.sizing.pricing.classes import place_of
from fitwright.sizing.trace.program import Op


def op(family: str, name: str, dims: tuple[int, ...] = (), dtype: str = "fp32") -> Op:
    return Op(family, name, dims, dtype, 800, 400, 1)


@pytest.mark.parametrize(
    ("given", "surface", "at"),
    [
        (op("matmul", "addmm", (1, 128, 768, 3072)), "linear", (128, 768, 3072)),
        (op("matmul", "mm", (1, 128, 768, 3072)), "linear", (128, 768, 3072)),
        (op("matmul", "mm_tn", (1, 768, 3072, 128)), "mm_tn", (768, 3072, 128)),
        (op("matmul", "bmm", (12, 128, 256, 64)), "bmm_scores", (12, 128, 2.0, 64)),
        (op("matmul", "bmm", (12, 128, 64, 256)), "bmm_context", (12, 128, 2.0, 64)),
        (op("attention", "sdpa", (2, 12, 12, 128, 256, 64, 0)), "attention", (24, 128, 2.0, 64)),
        (op("attention", "sdpa", (2, 12, 4, 128, 128, 64, 1)), "causal_attention", (24, 128, 1.0, 64)),
        (op("attention_backward", "x", (2, 12, 4, 8, 8, 64, 1)), "causal_attention_backward",
         (24, 8, 1.0, 64)),
        (op("norm", "native_layer_norm", (256, 768)), "norm", (256, 768)),
        (op("softmax_backward", "x", (256, 768)), "softmax_backward", (256, 768)),
        (op("embedding", "embedding", (256, 768, 30522)), "embedding", (256, 768)),
        (op("embedding_backward", "x", (256, 768, 30522)), "embedding_backward", (256, 768, 30522)),
        (op("convolution", "convolution", (8, 3, 768, 1, 256, 196)), "convolution", (1568, 768, 768)),
        (op("convolution", "convolution", (1, 96, 96, 96, 49, 3136)), "depthwise_convolution",
         (3136, 49, 96)),
        (op("pointwise", "gelu"), "gelu", (1200,)),
        (op("pointwise", "mul_"), "add", (1200,)),
        (op("pointwise", "_foreach_addcdiv_"), "add", (1200,)),
        (op("pointwise", "something_new"), "add", (1200,)),
        (op("copy", "_to_copy"), "cast", (1200,)),
        (op("copy", "something_new"), "copy", (1200,)),
        (op("reduce", "something_new"), "mean", (1200,)),
        (op("pointwise", "bernoulli_"), "bernoulli", (1200,)),
    ],
)  # fmt: skip
def test_place(given: Op, surface: str, at: tuple[float, ...]) -> None:
    place = place_of(given)
    assert (place.surfaces[0], place.at) == (surface, at)


def test_whole_numbers_are_priced_as_fp32_and_halves_as_themselves() -> None:
    assert place_of(op("pointwise", "add", dtype="int64")).dtype == "fp32"
    assert place_of(op("pointwise", "add", dtype="bf16")).dtype == "bf16"
    assert place_of(op("matmul", "addmm", (1, 2, 3, 4), dtype="bf16")).dtype == "bf16"
