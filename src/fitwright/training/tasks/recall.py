"""Exact recall: passages that a causal model would write word for word, given what stands before them.

A passage counts where greedy decoding gives all of its tokens (Carlini et al. 2023, arXiv:2202.07646). That
is so exactly if the likeliest token is the right one at each place, given the true text before it; a single
forward pass tells. Legend of shape suffixes: B blocks, T tokens of a block, P passages of a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CONTEXT_SHARE, _LENGTH_SHARE, _SHORTEST = 4, 8, 4


def passage(block: int) -> tuple[int, int]:
    """Fewest tokens of context and tokens of a passage, in blocks of that length: a quarter and an eighth of
    it, such as 32 and 16 of 128."""
    return block // _CONTEXT_SHARE, max(_SHORTEST, block // _LENGTH_SHARE)


def can_recall(block: int) -> bool:
    """Whether a block is long enough for a passage behind its context."""
    context, length = passage(block)
    return context >= _SHORTEST and context + length <= block


def recalled_passages(hit_BT: torch.Tensor) -> torch.Tensor:
    """Which passages are recalled.

    Args:
        hit_BT: whether the likeliest token at each place was the right one, bool (B, T).

    Returns:
        bool (B, P): the passages that lie end to end behind the context.
    """
    context, length = passage(hit_BT.shape[1])
    count = (hit_BT.shape[1] - context) // length
    used_BT = hit_BT[:, context : context + count * length]
    return used_BT.reshape(len(hit_BT), count, length).all(-1)
