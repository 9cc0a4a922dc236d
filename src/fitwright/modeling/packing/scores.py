"""Attention of rows of one length, plain or by torch's fused kernel.

Legend of shape suffixes: G rows, H heads, L tokens, D width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitwright.modeling.dropout import drop

if TYPE_CHECKING:
    import torch

PLAIN_UP_TO = 256
"""Up to so many tokens plain attention beats the fused CPU kernel (decision 0004)."""


def masked_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    allowed: torch.Tensor | None,
    bias: torch.Tensor | None,
    rate: float,
    scale: float,
) -> torch.Tensor:
    """(G, H, L, D); ``allowed`` is bool, true where a query sees a key; ``bias`` is added to the scores."""
    import torch

    if allowed is not None:
        base = torch.zeros((), dtype=q.dtype, device=q.device) if bias is None else bias.to(q.dtype)
        bias = torch.where(allowed, base, torch.finfo(q.dtype).min)
    return biased_attention(q, k, v, bias, rate, scale)


def biased_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None, rate: float, scale: float
) -> torch.Tensor:
    """(G, H, L, D), plain or fused by length; ``bias`` is added to the scores."""
    import torch

    if k.shape[-2] <= PLAIN_UP_TO:
        return _plain(q, k, v, bias, rate, scale)
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, dropout_p=rate, scale=scale
    )


def _plain(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None, rate: float, scale: float
) -> torch.Tensor:
    from torch.nn.functional import softmax

    scores = (q @ k.transpose(-1, -2)) * scale
    weights = softmax(scores if bias is None else scores + bias, dim=-1)
    return (drop(weights, rate) if rate else weights) @ v
