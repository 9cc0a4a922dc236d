"""Self-attention of packed rows with a backward pass of its own: no graph, no scattered sums, few copies.

Imported when the first layer is computed, since it needs torch.

Legend of shape suffixes: N packed tokens, W width, D width of a head, R places (:mod:`places`), X rows ×
heads of a chunk, L its longest row.
"""

from __future__ import annotations

import torch

from fitwright.modeling.dropout import keep_factors
from fitwright.modeling.packing.places import Chunk, HeadPlaces

Kept = tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor | None]]
"""What the backward pass needs: heads in their places, weights of each chunk, their dropout."""


def attend_rows(
    qkv: torch.Tensor, places: HeadPlaces, rate: float, scale: float
) -> tuple[torch.Tensor, Kept]:
    """Every row attends to itself.

    Args:
        qkv: (N + 1, 3·W) queries, keys and values side by side; the last row is zero.
        places: of the rows.
        rate: dropout of the weights.
        scale: of the scores.

    Returns:
        (N, W), zero for filler; and what :func:`attend_rows_backward` needs.
    """
    count, width_D = places.places, qkv.shape[1] // (3 * places.heads)
    heads_RD = qkv.view(-1, width_D).index_select(0, places.qkv[0])
    answer_RD = qkv.new_empty(count + 1, width_D)
    answer_RD[count] = 0
    weights, factors = [], []
    for chunk in places.chunks:
        q, k, v = (_part(heads_RD, chunk, width_D, count * part) for part in range(3))
        scores = _product(q, k.transpose(1, 2), scale, chunk.bias)
        weight_XLL = torch.softmax(scores, dim=-1)
        factor_XLL = keep_factors(weight_XLL, rate)
        dropped = weight_XLL if factor_XLL is None else torch.mul(weight_XLL, factor_XLL, out=scores)
        torch.bmm(dropped, v, out=_part(answer_RD, chunk, width_D))
        weights.append(weight_XLL)
        factors.append(factor_XLL)
    answer = answer_RD.index_select(0, places.one[1]).view(places.tokens, -1)
    return answer, (heads_RD, weights, factors)


def attend_rows_backward(
    gradient: torch.Tensor, kept: Kept, places: HeadPlaces, scale: float
) -> torch.Tensor:
    """The gradient of queries, keys and values, (N, 3·W), from that of the answer.

    The latter is (N + 1, W) with a last row of zeros.
    """
    heads_RD, weights, factors = kept
    count, width_D = places.places, heads_RD.shape[1]
    gradient_RD = gradient.view(-1, width_D).index_select(0, places.one[0])
    found_RD = gradient.new_empty(3 * count + 1, width_D)
    found_RD[3 * count] = 0
    for chunk, weight_XLL, factor_XLL in zip(places.chunks, weights, factors, strict=True):
        q, k, v = (_part(heads_RD, chunk, width_D, count * part) for part in range(3))
        d_q, d_k, d_v = (_part(found_RD, chunk, width_D, count * part) for part in range(3))
        d_answer = _part(gradient_RD, chunk, width_D)
        dropped = weight_XLL if factor_XLL is None else weight_XLL * factor_XLL
        torch.bmm(dropped.transpose(1, 2), d_answer, out=d_v)
        d_weight = torch.bmm(d_answer, v.transpose(1, 2))
        if factor_XLL is not None:
            d_weight.mul_(factor_XLL)
        d_scores = torch._softmax_backward_data(d_weight, weight_XLL, -1, weight_XLL.dtype)
        torch.bmm(d_scores, k, out=d_q)
        torch.bmm(d_scores.transpose(1, 2), q, out=d_k)
    found_RD[: 2 * count].mul_(scale)
    return found_RD.index_select(0, places.qkv[1]).view(places.tokens, -1)


def _part(rows_RD: torch.Tensor, chunk: Chunk, width_D: int, offset: int = 0) -> torch.Tensor:
    """(X, L, D): that chunk's places."""
    return rows_RD[offset + chunk.start : offset + chunk.stop].view(-1, chunk.longest, width_D)


def _product(
    left: torch.Tensor, right: torch.Tensor, scale: float, bias: torch.Tensor | None
) -> torch.Tensor:
    if bias is None:
        return torch.baddbmm(left.new_empty(1, 1, 1), left, right, beta=0, alpha=scale)
    return torch.baddbmm(bias.to(left.dtype), left, right, alpha=scale)
