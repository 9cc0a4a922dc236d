"""Attention within a window, in blocks: the scores that are computed grow with the length, not its square.

Every query sees the keys up to ``window`` places away and the row's first one; the first query sees all
(Longformer, Beltagy et al. 2020, arXiv 2004.05150, with the first token global).

Legend of shape suffixes: G rows, H heads, L tokens, D width of a head, C blocks of S queries each, and the E
keys that a block may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitwright.modeling.dropout import drop
from fitwright.modeling.packing.places import CHUNK_SCORES
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

    everything = None if real_GL is None else real_GL[:, None, None, :]
    first = masked_attention(q[:, :, :1], k, v, everything, None, rate, scale)
    block = max(window // 2, SMALLEST_BLOCK)
    allowed = _allowed(q.shape[2], block, window, q.device)
    scores = q.shape[1] * allowed.numel()
    rows = max(1, CHUNK_SCORES // scores)
    queries, keys, values = (x.split(rows) for x in (q, k, v))
    real = [None] * len(queries) if real_GL is None else real_GL.split(rows)
    answers = [
        _blocks(*sides, real_GL=own, allowed=allowed, window=window, rate=rate, scale=scale)
        for sides, own in zip(zip(queries, keys, values, strict=True), real, strict=True)
    ]
    return torch.cat([first, torch.cat(answers)[:, :, 1:]], dim=2)


def _blocks(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, allowed: torch.Tensor,
    real_GL: torch.Tensor | None, window: int, rate: float, scale: float,
) -> torch.Tensor:  # fmt: skip
    """A few rows, (G, H, L, D); ``allowed`` is that of :func:`_allowed`."""
    import torch
    from torch.nn.functional import pad

    length, (blocks, block, _) = q.shape[2], allowed.shape
    more = blocks * block - length
    q_GHCSD = pad(q * scale, (0, 0, 0, more)).unflatten(2, (blocks, block))
    k_GHCED, v_GHCED = (_with_first(x, window, block, more) for x in (k, v))
    if real_GL is not None:
        near = pad(real_GL, (window, window + more)).unfold(1, block + 2 * window, block)
        allowed = allowed & pad(near, (1, 0), value=True)[:, None, :, None, :]
    bias = torch.zeros(allowed.shape, device=q.device).masked_fill_(~allowed, torch.finfo(q.dtype).min)
    scores = q_GHCSD @ k_GHCED.transpose(-1, -2)
    weights = torch.softmax(scores.add_(bias), dim=-1)
    answer = (drop(weights, rate) if rate else weights) @ v_GHCED
    return answer.flatten(2, 3)[:, :, :length]


def _with_first(x: torch.Tensor, window: int, block: int, more: int) -> torch.Tensor:
    """(G, H, L, D) → (G, H, C, E, D): for each block the row's first token, then those around the block."""
    import torch
    from torch.nn.functional import pad

    around = pad(x, (0, 0, window, window + more)).unfold(2, block + 2 * window, block).transpose(-1, -2)
    first = x[:, :, None, :1].expand(-1, -1, around.shape[2], -1, -1)
    return torch.cat([first, around], dim=3)


def _allowed(length: int, block: int, window: int, device: torch.device) -> torch.Tensor:
    """Bool (C, S, E): which of its keys a query sees: the row's first one, then those around its block."""
    import torch

    start_C = torch.arange(-(-length // block), device=device)[:, None, None] * block
    query = start_C + torch.arange(block, device=device)[:, None]
    key = start_C - window + torch.arange(block + 2 * window, device=device)
    near = ((query - key).abs() <= window) & (key >= 1) & (key < length)
    return torch.nn.functional.pad(near, (1, 0), value=True)
