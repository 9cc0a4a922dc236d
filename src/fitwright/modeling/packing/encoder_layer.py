"""One layer of BERT and its kin on packed tokens, with a backward pass of its own.

The same products, norms and activations as the layer's own modules in fewer passes over memory: one product
makes queries, keys and values; dropout and residual are one pass; gradients add up inside the products.
Imported when the first layer is computed, since it needs torch.

Legend of shape suffixes: N packed tokens, W width, I width of the feed-forward part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import gelu

from fitwright.modeling.dropout import keep_factors
from fitwright.modeling.packing.places import HeadPlaces
from fitwright.modeling.packing.row_attention import attend_rows, attend_rows_backward

Optional = torch.Tensor | None


@dataclass(frozen=True, eq=False)
class LayerCall:
    """What a call needs beside tensors.

    Attributes:
        places: of the heads.
        scale: of the attention scores.
        rates: dropout of attention weights, of attention's answer, of the layer's answer.
        epsilons: of the two norms.
    """

    places: HeadPlaces
    scale: float
    rates: tuple[float, float, float]
    epsilons: tuple[float, float]


class _Weights(NamedTuple):
    """In the order of :attr:`LayerParts.parameters`."""

    query: torch.Tensor
    query_bias: torch.Tensor
    key: torch.Tensor
    key_bias: torch.Tensor
    value: torch.Tensor
    value_bias: torch.Tensor
    project: torch.Tensor
    project_bias: torch.Tensor
    norm1: torch.Tensor
    shift1: torch.Tensor
    widen: torch.Tensor
    widen_bias: torch.Tensor
    narrow: torch.Tensor
    narrow_bias: torch.Tensor
    norm2: torch.Tensor
    shift2: torch.Tensor


class _Kept(NamedTuple):
    """What the backward pass needs, beside weights and attention's own."""

    hidden_NW: torch.Tensor
    qkv_weight: torch.Tensor
    context_NW: torch.Tensor
    sum1_NW: torch.Tensor
    factors1_NW: Optional
    mean1: torch.Tensor
    inverse1: torch.Tensor
    middle_NW: torch.Tensor
    wide_NI: torch.Tensor
    active_NI: torch.Tensor
    sum2_NW: torch.Tensor
    factors2_NW: Optional
    mean2: torch.Tensor
    inverse2: torch.Tensor


class EncoderLayer(torch.autograd.Function):
    """(N, W) → (N, W). Called with the tokens, a :class:`LayerCall` and the layer's parameters in order."""

    @staticmethod
    def forward(
        ctx: Any, hidden_NW: torch.Tensor, call: LayerCall, *parameters: torch.Tensor
    ) -> torch.Tensor:
        """The layer's answer."""
        weights = _Weights(*parameters)
        answer_NW, kept, (heads, scores, drops) = _forward(hidden_NW, call, weights)
        ctx.call, ctx.chunks = call, len(scores)
        ctx.save_for_backward(*weights, *kept, heads, *scores, *drops)
        return answer_NW

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        """Gradients of the tokens and of those parameters that need one."""
        saved, needed = iter(ctx.saved_tensors), ctx.needs_input_grad[2:]
        weights = _Weights(*(next(saved) for _ in _Weights._fields))
        kept = _Kept(*(next(saved) for _ in _Kept._fields))
        heads = next(saved)
        scores, drops = ([next(saved) for _ in range(ctx.chunks)] for _ in range(2))
        d_hidden, found = _backward(gradient, ctx.call, weights, kept, (heads, scores, drops), needed)
        return d_hidden, None, *found


def _forward(hidden: torch.Tensor, call: LayerCall, w: _Weights) -> tuple[torch.Tensor, _Kept, Any]:
    tokens, width = hidden.shape
    qkv_weight = torch.cat([w.query, w.key, w.value])
    qkv = hidden.new_empty(tokens + 1, len(qkv_weight))
    qkv[tokens] = 0
    qkv_bias = torch.cat([w.query_bias, w.key_bias, w.value_bias])
    torch.addmm(qkv_bias, hidden, qkv_weight.t(), out=qkv[:tokens])
    context, attention = attend_rows(qkv, call.places, call.rates[0], call.scale)
    sum1, factors1 = _residual(_linear(context, w.project, w.project_bias), hidden, call.rates[1])
    middle, mean1, inverse1 = torch.native_layer_norm(sum1, [width], w.norm1, w.shift1, call.epsilons[0])
    wide = _linear(middle, w.widen, w.widen_bias)
    active = gelu(wide)
    sum2, factors2 = _residual(_linear(active, w.narrow, w.narrow_bias), middle, call.rates[2])
    answer, mean2, inverse2 = torch.native_layer_norm(sum2, [width], w.norm2, w.shift2, call.epsilons[1])
    kept = _Kept(
        hidden, qkv_weight, context, sum1, factors1, mean1, inverse1, middle, wide, active, sum2, factors2,
        mean2, inverse2,
    )  # fmt: skip
    return answer, kept, attention


def _backward(
    gradient: torch.Tensor, call: LayerCall, w: _Weights, kept: _Kept, attention: Any, needed: Sequence[bool]
) -> tuple[torch.Tensor, list[Optional]]:
    need = _Weights(*needed)  # type: ignore[arg-type]
    tokens = len(kept.hidden_NW)
    d_sum2, d_norm2, d_shift2 = _norm_backward(
        gradient.contiguous(), kept.sum2_NW, kept.mean2, kept.inverse2, w.norm2, w.shift2
    )
    d_narrow = d_sum2 if kept.factors2_NW is None else d_sum2 * kept.factors2_NW
    narrow = _linear_backward(d_narrow, kept.active_NI, need.narrow, need.narrow_bias)
    d_wide = torch.ops.aten.gelu_backward(d_narrow @ w.narrow, kept.wide_NI)
    widen = _linear_backward(d_wide, kept.middle_NW, need.widen, need.widen_bias)
    d_middle = d_sum2.addmm_(d_wide, w.widen)  # the residual's gradient is there already
    d_sum1, d_norm1, d_shift1 = _norm_backward(
        d_middle, kept.sum1_NW, kept.mean1, kept.inverse1, w.norm1, w.shift1
    )
    d_project = d_sum1 if kept.factors1_NW is None else d_sum1 * kept.factors1_NW
    project = _linear_backward(d_project, kept.context_NW, need.project, need.project_bias)
    d_context = d_project.new_empty(tokens + 1, kept.context_NW.shape[1])
    d_context[tokens] = 0
    torch.mm(d_project, w.project, out=d_context[:tokens])
    d_qkv = attend_rows_backward(d_context, attention, call.places, call.scale)
    qkv_needs = (
        any((need.query, need.key, need.value)),
        any((need.query_bias, need.key_bias, need.value_bias)),
    )
    d_weight, d_bias = _linear_backward(d_qkv, kept.hidden_NW, *qkv_needs)
    found = [*_thirds(d_weight, d_bias), *project, d_norm1, d_shift1, *widen, *narrow, d_norm2, d_shift2]
    d_hidden = d_sum1.addmm_(d_qkv, kept.qkv_weight)
    return d_hidden, [d if wanted else None for d, wanted in zip(found, needed, strict=True)]


def _residual(values: torch.Tensor, residual: torch.Tensor, rate: float) -> tuple[torch.Tensor, Optional]:
    """Dropout of the values, and the residual added; with what the dropout multiplied by."""
    factors = keep_factors(values, rate)
    if factors is None:
        return values.add_(residual), None
    return torch.addcmul(residual, values, factors, out=values), factors


def _linear(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.addmm(bias, given, weight.t())


def _linear_backward(
    gradient: torch.Tensor, given: torch.Tensor, need_weight: Any, need_bias: Any
) -> tuple[Any, Any]:
    """Gradients of a linear layer's weight and bias."""
    return gradient.t() @ given if need_weight else None, gradient.sum(0) if need_bias else None


def _norm_backward(
    gradient: torch.Tensor, given: torch.Tensor, mean: torch.Tensor, inverse: torch.Tensor,
    weight: torch.Tensor, shift: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """Gradients of what is normed, of weight and of bias."""
    found: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = torch.ops.aten.native_layer_norm_backward(
        gradient, given, list(weight.shape), mean, inverse, weight, shift, [True, True, True]
    )
    return found


def _thirds(weight: Optional, bias: Optional) -> Any:
    """Weight and bias of queries, of keys, of values."""
    each = [[None] * 3 if whole is None else whole.chunk(3) for whole in (weight, bias)]
    return [part for pair in zip(*each, strict=True) for part in pair]
