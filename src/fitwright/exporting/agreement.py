"""Do two engines give the same answers? Asked on rows of many lengths, most of them padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitwright.core.optional import require
from fitwright.engines.interface import Engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST_TOKENS = 96
_SHAPES = ((1, 4), (3, 11), (1, 32), (5, 24), (8, 7), (2, _LONGEST_TOKENS))
"""(rows, tokens) of the check: a single short row, several ragged batches, one long one."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One padded batch: ``input_ids`` and ``attention_mask``, both (B, T) int64."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two engines are apart.

    Attributes:
        max_difference: largest absolute difference of a logit; infinite where one is not a number.
        same_answers: rows for which both put the same class first.
        rows: rows compared.
    """

    max_difference: float
    same_answers: int
    rows: int


def padded_batches(config: Mapping[str, Any], seed: int = 0) -> list[Batch]:
    """Random token ids in the shapes of the check; in every batch of two rows or more some are padded.

    Args:
        config: the model's config.json; its vocabulary, padding id and number of positions are read.
        seed: of the token ids and lengths.
    """
    np = require("numpy")
    random = np.random.default_rng(seed)
    pad_id = config.get("pad_token_id") or 0
    positions = config.get("max_position_embeddings") or _LONGEST_TOKENS
    # RoBERTa and its kin count positions from the padding id on, and so hold fewer than the table's length
    longest = max(4, min(_LONGEST_TOKENS, positions - pad_id - 1))
    batches = []
    for rows, asked in _SHAPES:
        tokens = min(asked, longest)
        lengths_B = random.integers(2, tokens + 1, size=rows)
        lengths_B[0] = tokens
        if rows > 1:
            lengths_B[-1] = max(1, tokens // 2)
        mask_BT = (np.arange(tokens)[None, :] < lengths_B[:, None]).astype(np.int64)
        ids_BT = _token_ids(random, config["vocab_size"], pad_id, (rows, tokens))
        batches.append(Batch(input_ids=np.where(mask_BT == 1, ids_BT, pad_id), attention_mask=mask_BT))
    return batches


def _token_ids(random: Any, vocabulary: int, pad_id: int, shape: tuple[int, int]) -> Any:
    """Ids drawn evenly from the vocabulary without the padding id."""
    ids = random.integers(0, vocabulary - 1, size=shape)
    return ids + (ids >= pad_id)


def compare_engines(reference: Engine, candidate: Engine, batches: Sequence[Batch]) -> Agreement:
    """Run both engines on the same batches and compare their logits."""
    np = require("numpy")
    worst, same, rows = 0.0, 0, 0
    for batch in batches:
        expected_BC = reference.logits(batch.input_ids, batch.attention_mask)
        got_BC = candidate.logits(batch.input_ids, batch.attention_mask)
        difference = float(np.abs(expected_BC - got_BC).max())
        worst = max(worst, difference if np.isfinite(difference) else float("inf"))
        same += int((expected_BC.argmax(axis=1) == got_BC.argmax(axis=1)).sum())
        rows += len(expected_BC)
    return Agreement(max_difference=worst, same_answers=same, rows=rows)
