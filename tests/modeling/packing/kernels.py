"""Kernels of graphics cards as plain loops over rows, with the real signatures: a fake at one seam."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import torch


def _reference(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, starts: tuple[torch.Tensor, torch.Tensor],
    longest: tuple[int, int], scale: float, window: tuple[int, int],
) -> torch.Tensor:  # fmt: skip
    assert {start.dtype for start in starts} == {torch.int32}
    sizes = [start.diff() for start in starts]
    assert [int(size.max()) for size in sizes] == list(longest)
    assert [int(start[-1]) for start in starts] == [len(q), len(k)]
    answers = []
    for q_row, k_row, v_row in zip(
        *(x.split(size.tolist()) for x, size in ((q, sizes[0]), (k, sizes[1]), (v, sizes[1]))), strict=True
    ):
        k_row, v_row = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k_row, v_row))
        behind = torch.arange(len(q_row))[:, None] - torch.arange(len(k_row))
        left, right = (10_000 if reach < 0 else reach for reach in window)
        scores = torch.einsum("qhd,khd->hqk", q_row, k_row) * scale
        scores = scores.masked_fill((behind > left) | (-behind > right), float("-inf"))
        answers.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v_row))
    return torch.cat(answers)


def varlen_attn(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor, max_q: int, max_k: int, *, scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1), enable_gqa: bool = False,
) -> torch.Tensor:  # fmt: skip
    """As ``torch.nn.attention.varlen.varlen_attn``."""
    assert scale is not None
    assert enable_gqa == (query.shape[1] != key.shape[1])
    return _reference(query, key, value, (cu_seq_q, cu_seq_k), (max_q, max_k), scale, window_size)


def flash_attn_varlen_func(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, cu_seqlens_q: torch.Tensor,
    cu_seqlens_k: torch.Tensor, max_seqlen_q: int, max_seqlen_k: int, dropout_p: float = 0.0,
    softmax_scale: float | None = None, causal: bool = False, window_size: tuple[int, int] = (-1, -1),
    deterministic: bool = False,
) -> torch.Tensor:  # fmt: skip
    """As ``flash_attn.flash_attn_varlen_func`` (2.7)."""
    assert softmax_scale is not None
    assert deterministic
    assert not dropout_p
    window = (window_size[0], 0) if causal else window_size
    return _reference(
        q, k, v, (cu_seqlens_q, cu_seqlens_k), (max_seqlen_q, max_seqlen_k), softmax_scale, window
    )


def lend_kernel(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have that backend compute on this machine, exactly where it would be approximate."""
    if backend == "varlen":
        from torch.nn.attention import varlen

        monkeypatch.setattr(varlen, "varlen_attn", varlen_attn)
    if backend == "flash":
        module: Any = types.ModuleType("flash_attn")
        module.flash_attn_varlen_func = flash_attn_varlen_func
        monkeypatch.setitem(sys.modules, "flash_attn", module)
    if backend == "flex":  # uncompiled it has a backward pass here too, which torch does not offer
        from torch.nn.attention import flex_attention

        monkeypatch.setattr(flex_attention, "_validate_device", lambda *_: None)
