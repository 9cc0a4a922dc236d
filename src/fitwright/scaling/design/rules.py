"""How learning rate and batch follow from the shape and the tokens, so that no size is tuned worse."""

from __future__ import annotations

import math

BASE_WIDTH, BASE_RATE = 128, 2e-3
"""The learning rate that was best at that width in a sweep: ``docs/decisions/0009-a-study-in-minutes.md``."""
RATE_RULE = (
    "AdamW's peak learning rate goes as 1/width (Yang et al. 2022, arXiv:2203.03466, table 3: hidden "
    "matrices under muP), from the rate that a sweep found best at one width"
)
INITIAL_RULE = (
    "initial weights deviate by 0.02 at GPT-2's width of 768 and as 1/sqrt(width) elsewhere (as muP has it)"
)
BATCH_RULE = (
    "tokens of a step go as 0.145·D^0.571, a quarter of what Li et al. 2025 (arXiv:2503.04715) fitted on 60M "
    "to 1B parameters, since smaller steps learn more here; rounded to a power of two of blocks, at most an "
    "eighth of the unique ones"
)
_INITIAL, _INITIAL_WIDTH = 0.02, 768
_BATCH_FACTOR, _BATCH_POWER = 0.58 / 4, 0.571
_LEAST_BLOCKS, _STEPS_AN_EPOCH = 2, 8


def learning_rate(width: int, base_rate: float = BASE_RATE) -> float:
    """Peak learning rate of a width.

    Args:
        base_rate: what is best at a width of :data:`BASE_WIDTH`.
    """
    return float(f"{base_rate * BASE_WIDTH / width:.3g}")


def initial_deviation(width: int) -> float:
    """Standard deviation of initial weights.

    The usual 0.02 at every width starts narrow models too small: two layers of width 64 were 0.26 nats worse
    after 131,000 tokens, each at the best rate that was tried (decision 0009).
    """
    return float(f"{_INITIAL * math.sqrt(_INITIAL_WIDTH / width):.4g}")


def batch_blocks(tokens: float, block: int, unique_blocks: int) -> int:
    """Blocks of an optimiser step, a power of two.

    Args:
        tokens: D, seen in the whole run. block: tokens of a block. unique_blocks: different ones.

    With the whole of Li et al.'s rule a ladder of a few minutes has too few steps, the wider models most of
    all: 1.1M parameters after 306,000 tokens came to 4.82 nats with 8 blocks a step, 4.51 with 4, 4.37 with 2
    (decision 0009).
    """
    wanted = _BATCH_FACTOR * tokens**_BATCH_POWER / block
    most = max(1, unique_blocks // _STEPS_AN_EPOCH)
    return int(min(2 ** round(math.log2(max(wanted, _LEAST_BLOCKS))), 2 ** int(math.log2(most))))
