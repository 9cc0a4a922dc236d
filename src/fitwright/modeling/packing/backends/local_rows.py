"""Attention within a window, in blocks: the scores that are computed grow with the length, not its square.

Every query sees the keys up to ``window`` places away and the row's first one; the first query sees all
(Longformer, Beltagy et al. 2020, arXiv 2004.05150, with the first token global).

Legend of shape suffixes: G rows, H heads, L tokens, D width of a head, C blocks of S queries each, and the E
keys that a block may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitwright.modeling.dropout import drop
from fitwright.modeling.packing.scores import masked_attention

if TYPE_CHECKING:
    import torch

SMALLEST_BLOCK = 32
"""Queries of a block at least: narrower windows would make many small products."""


def attend_locally(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, real_GL: torch.Tensor | None, window: int,
    rate: float, scale: float,
) -> torch.Tensor:  # fmt: skip
    """(G, H, L, D).

    Args:
        q, k, v: (G, H, L, D).
        real_GL: bool (G, L), true on tokens; ``None`` where all are.
        window: places that a query sees to each side.
        rate: dropout of the weights.
        scale: of the scores.
    """
    import torch
    from torch.nn.functional import pad

    length, block = q.shape[2], max(window, SMALLEST_BLOCK)
    blocks = -(-length // block)
    more = blocks * block - length
    q_GHCSD = pad(q, (0, 0, 0, more)).unflatten(2, (blocks, block))
    k_GHCDE, v_GHCDE = (
        pad(x, (0, 0, window, window + more)).unfold(2, block + 2 * window, block) for x in (k, v)
    )
    allowed = _allowed(length, blocks, block, window, q.device)
    if real_GL is not None:
        real = pad(real_GL, (window, window + more)).unfold(1, block + 2 * window, block)
        allowed = allowed & real[:, None, :, None, :]
    lowest = torch.finfo(q.dtype).min
    near = torch.where(allowed, (q_GHCSD @ k_GHCDE) * scale, lowest)
    first = (q_GHCSD @ k[:, :, None, :1].transpose(-1, -2)) * scale
    weights = torch.softmax(torch.cat([first, near], dim=-1), dim=-1)
    weights = drop(weights, rate) if rate else weights
    answer = weights[..., :1] * v[:, :, None, :1] + weights[..., 1:] @ v_GHCDE.transpose(-1, -2)
    everything = None if real_GL is None else real_GL[:, None, None, :]
    whole = masked_attention(q[:, :, :1], k, v, everything, None, rate, scale)
    return torch.cat([whole, answer.flatten(2, 3)[:, :, 1:length]], dim=2)


def _allowed(length: int, blocks: int, block: int, window: int, device: torch.device) -> torch.Tensor:
    """Bool (C, S, E): which of its keys a query sees; the first one is counted apart."""
    import torch

    start_C = torch.arange(blocks, device=device)[:, None, None] * block
    query = start_C + torch.arange(block, device=device)[:, None]
    key = start_C - window + torch.arange(block + 2 * window, device=device)
    return ((query - key).abs() <= window) & (key >= 1) & (key < length)
