"""From an aten operator and its tensors to an operator family and the dimensions that its cost depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]

FREE = frozenset({
    "view", "_unsafe_view", "t", "transpose", "permute", "expand", "detach", "alias", "slice", "select",
    "unsqueeze", "squeeze", "as_strided", "split", "split_with_sizes", "chunk", "unbind", "diagonal", "empty",
    "empty_like", "new_empty", "empty_strided", "new_empty_strided", "unfold", "lift_fresh", "narrow",
    "view_as_complex", "view_as_real", "_reshape_alias", "is_same_size", "set_", "resize_", "real", "imag",
    "_conj",
})  # fmt: skip
"""Operators that move no data."""

_REDUCTIONS = frozenset({
    "sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "any", "all", "var", "std", "var_mean",
    "norm", "linalg_vector_norm", "nll_loss_forward", "nll_loss_backward", "mse_loss", "mse_loss_backward",
    "cumsum", "topk", "sort", "logsumexp", "avg_pool2d", "_adaptive_avg_pool2d", "max_pool2d_with_indices",
    "mean_backward", "histc", "bincount",
})  # fmt: skip
_COPIES = frozenset({
    "clone", "copy_", "_to_copy", "cat", "stack", "index", "gather", "index_select", "constant_pad_nd",
    "roll", "flip", "slice_backward", "select_backward", "scatter", "index_put_", "index_put",
    "_index_put_impl_", "slice_scatter", "im2col", "col2im", "repeat", "new_zeros", "zeros", "zeros_like",
    "ones", "ones_like", "full", "full_like", "fill_", "zero_", "new_full", "new_ones", "arange",
    "scalar_tensor", "tril", "triu", "scatter_add", "index_add", "reflection_pad1d",
})  # fmt: skip
_NORMS = frozenset({
    "native_layer_norm", "native_group_norm", "native_batch_norm", "_native_batch_norm_legit",
    "_fused_rms_norm", "_native_batch_norm_legit_functional", "cudnn_batch_norm",
    "_native_batch_norm_legit_no_training",
})  # fmt: skip
_ATTENTION = frozenset({
    "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
})  # fmt: skip


def base_name(func: Any) -> str:
    """``mm`` of ``aten.mm.default``."""
    return str(func.overloadpacket.__name__)


def family_and_dims(
    name: str, inputs: Sequence[Shape], outputs: Sequence[Shape], args: Any
) -> tuple[str, Shape]:
    """The family of :class:`fitwright.sizing.trace.program.Op` and its dims; ``free`` for views.

    Args:
        name: the operator without overload.
        inputs, outputs: shapes of its tensors in order. args: its arguments.
    """
    if name in FREE:
        return "free", ()
    matmul = _matmul(name, inputs)
    if matmul is not None:
        return "matmul", matmul
    if name.removesuffix("_backward") in _ATTENTION:
        return _attention(name, inputs, args)
    if name in _NORMS:
        return "norm", _rows_and_width(inputs[0], outputs[1] if len(outputs) > 1 else ())
    if name in ("native_layer_norm_backward", "native_group_norm_backward", "native_batch_norm_backward"):
        return "norm_backward", _rows_and_width(inputs[0], inputs[2] if len(inputs) > 2 else ())
    return _simple(name, inputs, outputs, args)


def _simple(name: str, inputs: Sequence[Shape], outputs: Sequence[Shape], args: Any) -> tuple[str, Shape]:
    if name in ("_softmax", "_log_softmax", "_safe_softmax"):
        return "softmax", (math.prod(inputs[0][:-1]), inputs[0][-1])
    if name in ("_softmax_backward_data", "_log_softmax_backward_data"):
        return "softmax_backward", (math.prod(inputs[0][:-1]), inputs[0][-1])
    if name == "embedding":
        return "embedding", (math.prod(inputs[1]), inputs[0][-1], inputs[0][0])
    if name == "embedding_dense_backward":
        return "embedding_backward", (math.prod(inputs[1]), inputs[0][-1], int(args[2]))
    if name == "convolution":
        return "convolution", _convolution(inputs[0], inputs[1], outputs[0], args)
    if name == "convolution_backward":
        return "convolution_backward", _convolution(inputs[1], inputs[2], inputs[0], args)
    if name in _REDUCTIONS:
        return "reduce", ()
    return ("copy" if name in _COPIES else "pointwise"), ()


def _matmul(name: str, inputs: Sequence[Shape]) -> Shape | None:
    if name in ("mm", "addmm"):
        left, right = inputs[-2:]
        return (1, left[0], right[1], left[1])
    if name in ("bmm", "baddbmm"):
        left, right = inputs[-2:]
        return (left[0], left[1], right[2], left[2])
    if name in ("mv", "addmv", "dot"):
        left = inputs[-2]
        return (1, left[0] if len(left) > 1 else 1, 1, left[-1])
    if name == "_grouped_mm":  # rows are shared out over the groups: as one product over all rows
        left, right = inputs[:2]
        return (1, left[0], right[-1], left[-1])
    return None


def _attention(name: str, inputs: Sequence[Shape], args: Any) -> tuple[str, Shape]:
    backward = name.endswith("_backward")
    query, key = inputs[1:3] if backward else inputs[:2]
    causal = int(any(argument is True for argument in args))
    dims = (query[0], query[1], key[1], query[2], key[2], query[3], causal)
    return ("attention_backward" if backward else "attention"), dims


def _rows_and_width(shape: Shape, statistics: Shape) -> Shape:
    """Rows: the number of means; width: elements of each."""
    rows = max(1, math.prod(statistics))
    return rows, max(1, math.prod(shape) // rows)


def _convolution(source: Shape, weight: Shape, output: Shape, args: Any) -> Shape:
    groups = next((int(a) for a in reversed(args) if isinstance(a, int) and not isinstance(a, bool)), 1)
    return (source[0], source[1], weight[0], groups, math.prod(weight[2:]), math.prod(output[2:]))
