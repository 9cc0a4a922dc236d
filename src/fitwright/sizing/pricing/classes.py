"""Which surface of a profile prices which operator of a trace, and at which coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fitwright.sizing.pricing.features import Dims
from fitwright.sizing.trace.program import Op

POINTWISE: Mapping[str, tuple[str, ...]] = {
    "add": (
        "add", "sub", "rsub", "mul", "div", "maximum", "minimum", "lerp", "addcmul", "addcdiv", "relu", "neg",
        "abs", "clamp", "clamp_min", "clamp_max", "threshold", "leaky_relu", "hardtanh", "square", "floor",
        "sign", "bitwise_and", "bitwise_or", "logical_and", "logical_or", "logical_not", "bitwise_not",
        "remainder",
    ),
    "gelu": ("gelu",),
    "tanh": ("tanh",),
    "exp": ("exp", "sigmoid", "silu", "softplus", "mish", "erf", "log", "log1p", "elu", "sin", "cos",
            "hardswish"),
    "pow": ("pow",),
    "sqrt": ("sqrt", "rsqrt", "reciprocal"),
    "where": ("where", "masked_fill", "triu", "tril"),
    "compare": ("eq", "ne", "lt", "le", "gt", "ge", "isinf", "isnan", "isin"),
    "bernoulli": ("bernoulli",),
    "dropout": ("native_dropout",),
    "fill": (
        "fill", "zero", "zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros",
        "new_ones", "new_full", "arange",
    ),
    "adamw": ("_fused_adamw", "_fused_adam", "_fused_sgd"),
    "gelu_backward": ("gelu_backward",),
    "tanh_backward": ("tanh_backward", "sigmoid_backward"),
    "silu_backward": ("silu_backward",),
    "threshold_backward": ("threshold_backward", "native_dropout_backward"),
    "cast": ("_to_copy", "to"),
    "copy": ("clone", "copy", "contiguous", "_copy_from", "roll", "pixel_shuffle", "im2col", "flip"),
    "cat": ("cat", "stack", "slice_backward", "slice_scatter", "select_backward", "constant_pad_nd",
            "repeat"),
    "gather": ("index", "gather", "index_select", "index_put", "scatter", "scatter_add", "index_add", "take"),
    "sum": ("sum",),
    "mean": ("mean", "var", "var_mean", "std", "amax", "max", "min", "any", "all", "_foreach_norm",
            "linalg_vector_norm", "argmax", "norm", "prod", "cumsum", "topk", "sort", "nll_loss_forward"),
}  # fmt: skip
"""Class → operator names, without overload and without the underscore of in-place forms."""

_CLASS_OF = {name: group for group, names in POINTWISE.items() for name in names}
_CLASS_OF_FAMILY = {"reduce": "mean", "copy": "copy", "pointwise": "add"}
"""For names that are not listed."""


class Place(NamedTuple):
    """Where to look an operator up: dtype and surfaces in order of preference, coordinates."""

    dtype: str
    surfaces: tuple[str, ...]
    at: Dims


def place_of(op: Op) -> Place:
    """The surface and coordinates of a traced torch operator; unknown names go with their family's
    plainest."""
    family, dims = op.family, op.dims
    if family == "matmul":
        return _place_of_matmul(op)
    if family in ("attention", "attention_backward"):
        batch, heads, _, queries, keys, width, causal = dims
        suffix = family.removeprefix("attention")
        names: tuple[str, ...] = (f"causal_attention{suffix}",) if causal else ()
        at = (batch * heads, queries, keys / queries, width)
        return Place(op.dtype, (*names, f"attention{suffix}"), at)
    if family in ("norm", "norm_backward", "softmax", "softmax_backward"):
        return Place(op.dtype, (family,), (dims[0], dims[1]))
    if family == "embedding":
        return Place(op.dtype, (family,), (dims[0], dims[1]))
    if family == "embedding_backward":
        return Place(op.dtype, (family,), dims)
    if family in ("convolution", "convolution_backward"):
        batch, inputs, outputs, groups, kernel, positions = dims
        taps = max(1, inputs // groups) * kernel
        names = (f"depthwise_{family}", family) if groups == inputs > 1 else (family,)
        return Place(op.dtype, names, (batch * positions, taps, outputs))
    return _place_of_pointwise(op)


def _place_of_matmul(op: Op) -> Place:
    """Products with a weight go by (m, n, k); batched products of activations as the two halves of
    attention."""
    b, m, n, k = op.dims
    if b == 1 and not op.name.startswith(("bmm", "baddbmm")):
        return Place(op.dtype, ("mm_tn", "linear") if op.name == "mm_tn" else ("linear",), (m, n, k))
    if k <= n:
        return Place(op.dtype, ("bmm_scores",), (b, m, n / m, k))
    return Place(op.dtype, ("bmm_context",), (b, m, k / m, n))


def _place_of_pointwise(op: Op) -> Place:
    name = (
        op.name.rstrip("_")
        if not op.name.startswith("_foreach_")
        else op.name[len("_foreach_") :].rstrip("_")
    )
    group = _CLASS_OF.get(name) or _CLASS_OF.get(op.name) or _CLASS_OF_FAMILY.get(op.family, "add")
    dtype = op.dtype if op.dtype in ("fp32", "bf16", "fp16") else "fp32"
    plain = ("copy",) if op.family == "copy" else ("add",)
    return Place(dtype, (group, *plain), (max(1.0, op.read_bytes + op.written_bytes),))
