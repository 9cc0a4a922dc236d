"""The batches that are timed, made before the clock starts. Shapes: B rows, T tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitwright.data.batching import length_sorted, pad

Rows = Sequence[Sequence[int]]
"""Token ids of each row, special tokens included, not padded."""

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""``input_ids`` and ``attention_mask``, both (B, T)."""


@dataclass(frozen=True, kw_only=True)
class PassBatches:
    """What one engine runs in one round.

    Attributes:
        rows: rows of the sample.
        latency: calls of the asked batch and length.
        single: the rows one by one; ``None`` where ``latency`` is just that.
        sorted: the rows in length-sorted batches.
    """

    rows: int
    latency: tuple[Batch, ...]
    single: tuple[Batch, ...] | None
    sorted: tuple[Batch, ...]


def pass_batches(
    token_ids: Rows,
    pad_id: int,
    *,
    order: Sequence[int],
    batch: int,
    seq: int | None,
    sorted_batch: int,
    sort_by: Rows,
) -> PassBatches:
    """Pad the rows of the sample for each pass.

    Args:
        token_ids: this engine's rows.
        pad_id: its padding id.
        order: the sample's row indices; latency calls follow it.
        batch, seq: of a latency call; ``seq`` cuts a row or repeats it to exactly that many tokens.
        sorted_batch: rows of a length-sorted batch.
        sort_by: the rows whose lengths decide which rows share a batch, the same for every engine.
    """
    chosen = [token_ids[row] for row in order]
    shaped = chosen if seq is None else [_fill(row, seq) for row in chosen]
    groups = [list(range(start, min(start + batch, len(order)))) for start in range(0, len(order), batch)]
    if len(groups) > 1 and len(groups[-1]) < batch:
        groups.pop()  # a short last call would be faster than the batch that was asked for
    by_length = length_sorted([len(sort_by[row]) for row in order], sorted_batch)
    alone = batch == 1 and seq is None
    return PassBatches(
        rows=len(order),
        latency=tuple(pad([shaped[i] for i in group], pad_id) for group in groups),
        single=None if alone else tuple(pad([row], pad_id) for row in chosen),
        sorted=tuple(pad([chosen[i] for i in group], pad_id) for group in by_length),
    )


def _fill(row: Sequence[int], tokens: int) -> list[int]:
    """A row of exactly ``tokens`` ids: cut, or its own ids again and again."""
    repeated = list(row) * (tokens // max(1, len(row)) + 1)
    return repeated[:tokens]
