"""What ONNX Runtime runs in place of traced torch operators."""

from __future__ import annotations

from fitwright.sizing.pricing.onnx_graph import onnx_places
from fitwright.sizing.trace.program import Op


def names(op: Op, precision: str = "int8") -> list[tuple[str, str, float]]:
    return [(place.dtype, place.surfaces[0], times) for place, times in onnx_places(op, precision)]


def test_only_products_with_weights_are_quantised() -> None:
    linear = Op("matmul", "addmm", (1, 128, 768, 768), "fp32", 0, 0, 1)
    attention = Op("attention", "sdpa", (1, 12, 12, 128, 128, 64, 0), "fp32", 0, 0, 1)
    assert names(linear) == [("int8", "linear", 1.0)]
    assert names(linear, "fp32") == [("fp32", "linear", 1.0)]
    assert names(attention) == [("fp32", "attention", 1.0)]


def test_plain_attention_is_priced_once_however_it_was_traced() -> None:
    scores = Op("matmul", "bmm", (12, 128, 256, 64), "fp32", 0, 0, 1)
    share = Op("softmax", "_softmax", (1536, 256), "fp32", 10**6, 10**6, 1)
    context = Op("matmul", "bmm", (12, 128, 64, 256), "fp32", 0, 0, 1)
    assert names(scores) == names(context) == [("fp32", "attention", 0.5)]
    assert names(share) == []
    assert onnx_places(scores, "fp32")[0][0].at == onnx_places(context, "fp32")[0][0].at == (12, 128, 2.0, 64)


def test_what_leaves_no_node_costs_nothing() -> None:
    for family, name in (("copy", "clone"), ("copy", "_to_copy"), ("pointwise", "bernoulli_")):
        assert names(Op(family, name, (), "fp32", 10**6, 10**6, 1)) == []
    assert names(Op("pointwise", "gelu", (), "fp32", 10**6, 10**6, 1)) == [("fp32", "gelu", 1.0)]
