"""Batches of rows of similar length, and their padding.

Legend of shapes: B rows of a batch, T tokens of its longest row, rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import UsageError

BATCHES_PER_CHUNK = 50


def length_sorted(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Batches of row indices, longest rows first; equal lengths keep their order.

    Longest first, so that the largest memory need shows in the first batch. Each row is in exactly one batch;
    only the last may be short.
    """
    _check_batch_size(batch_size)
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    return _cut(order, batch_size)


def length_grouped(lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Shuffled batches of rows of similar length, for training.

    All rows are permuted, cut into random chunks of 50 batches, sorted by length within each chunk, cut into
    batches, and the batches shuffled. Each row is in exactly one batch; at most one batch is short.

    Args:
        lengths: tokens of each row.
        batch_size: rows a batch, at least 1.
        seed, epoch: 0 or more; together they determine the order.
    """
    _check_batch_size(batch_size)
    generator = np.random.default_rng((seed, epoch))
    sizes = np.asarray(lengths, dtype=np.int64)
    shuffled = generator.permutation(len(sizes))
    batches: list[list[int]] = []
    step = batch_size * BATCHES_PER_CHUNK
    for start in range(0, len(shuffled), step):
        chunk = shuffled[start : start + step]
        ordered = chunk[np.argsort(-sizes[chunk], kind="stable")]
        batches.extend(_cut(ordered.tolist(), batch_size))
    return [batches[i] for i in generator.permutation(len(batches))]


def pad(
    token_ids: Sequence[Sequence[int]], pad_id: int, multiple: int = 1, limit: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pad rows on the right to the longest, rounded up to ``multiple`` so that shapes are few.

    Args:
        token_ids: B rows of token ids.
        pad_id: the id that fills.
        multiple: T is a multiple of it.
        limit: largest T, for example the model's positions; it must hold the longest row.

    Returns:
        ``input_ids`` and ``attention_mask``, int64 (B, T); the mask is 1 on tokens and 0 on padding.
    """
    if multiple < 1:
        raise UsageError("the padding multiple must be at least 1", got=multiple)
    lengths = [len(row) for row in token_ids]
    longest = max(lengths, default=0)
    width = -(-longest // multiple) * multiple
    if limit is not None:
        if longest > limit:
            raise UsageError("a row is longer than the limit", got=longest, allowed=f"{limit} tokens")
        width = min(width, limit)
    input_ids = np.full((len(token_ids), width), pad_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for place, row in enumerate(token_ids):
        input_ids[place, : len(row)] = row
        attention_mask[place, : len(row)] = 1
    return input_ids, attention_mask


def _cut(order: list[int], batch_size: int) -> list[list[int]]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise UsageError("the batch size must be at least 1", got=batch_size)
