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

    All rows are permuted, cut into random chunks of up to 50 batches, sorted by length within each chunk, cut
    into batches, and the batches shuffled. Each row is in exactly one batch; batches are as even as those of
    :func:`shuffled`.

    Args:
        lengths: tokens of each row.
        batch_size: rows a batch, at least 1.
        seed, epoch: 0 or more; together they determine the order.
    """
    _check_batch_size(batch_size)
    generator = np.random.default_rng((seed, epoch))
    sizes = np.asarray(lengths, dtype=np.int64)
    parts = _cut_evenly(generator.permutation(len(sizes)), batch_size)
    batches: list[list[int]] = []
    for start in range(0, len(parts), BATCHES_PER_CHUNK):
        several = parts[start : start + BATCHES_PER_CHUNK]
        chunk = np.concatenate(several)
        ordered = chunk[np.argsort(-sizes[chunk], kind="stable")]
        ends = np.cumsum([len(part) for part in several])
        batches.extend(part.tolist() for part in np.split(ordered, ends[:-1]))
    return [batches[i] for i in generator.permutation(len(batches))]


def shuffled(rows: int, batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Batches of rows in a random order that length has no part in, for training without padding.

    Each row is in exactly one batch. There are as few batches as can be, and their sizes differ by one at
    most: a last step of one or two rows would move the weights as far as a whole one, by chance.

    Args:
        rows: how many there are.
        batch_size: rows a batch, at least 1.
        seed, epoch: 0 or more; together they determine the order.
    """
    _check_batch_size(batch_size)
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    return [part.tolist() for part in _cut_evenly(order, batch_size)]


def shuffled_tokens(
    lengths: Sequence[int], batch_tokens: int, *, seed: int, epoch: int, padded: bool
) -> list[list[int]]:
    """Shuffled batches of about the same number of tokens, for training under a token budget.

    Each row is in exactly one batch, and no batch is above the budget, except for a row that alone is. What
    is left for the last batch is shared evenly with the one before.

    Args:
        lengths: tokens of each row.
        batch_tokens: the budget, at least 1.
        seed, epoch: 0 or more; together they determine the order.
        padded: whether rows will be padded to the longest of their batch. Then rows of similar length are
            put together as :func:`length_grouped` does and padding counts; else length has no part in the
            order.
    """
    if batch_tokens < 1:
        raise UsageError("the token budget of a batch must be at least 1", got=batch_tokens)
    generator = np.random.default_rng((seed, epoch))
    sizes = np.asarray(lengths, dtype=np.int64)
    order = generator.permutation(len(sizes))
    if not padded:
        return _fill(order.tolist(), lengths, batch_tokens, padded=False)
    mean = max(1.0, float(sizes.mean())) if len(sizes) else 1.0
    step = BATCHES_PER_CHUNK * max(1, int(batch_tokens / mean))
    batches: list[list[int]] = []
    for start in range(0, len(order), step):
        chunk = order[start : start + step]
        ordered = chunk[np.argsort(-sizes[chunk], kind="stable")]
        batches.extend(_fill(ordered.tolist(), lengths, batch_tokens, padded=True))
    return [batches[i] for i in generator.permutation(len(batches))]


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]], multiple: int = 1) -> float:
    """Share of the places of those batches that padding would fill, from 0 to 1."""
    places = sum(-(-max(lengths[row] for row in rows) // multiple) * multiple * len(rows) for rows in batches)
    return 1 - sum(lengths[row] for rows in batches for row in rows) / places if places else 0.0


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


def _cut_evenly(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """As few parts as can be of at most that many rows, whose sizes differ by one at most."""
    parts = -(-len(order) // batch_size)
    return np.array_split(order, parts) if parts else []


def _fill(order: list[int], lengths: Sequence[int], batch_tokens: int, *, padded: bool) -> list[list[int]]:
    """Cut an order wherever the next row would break the budget."""
    batches: list[list[int]] = []
    total, longest = 0, 0
    for row in order:
        length = lengths[row]
        total, longest = total + length, max(longest, length)
        size = longest * (len(batches[-1]) + 1) if padded and batches else total
        if not batches or size > batch_tokens:
            batches.append([])
            total = longest = length
        batches[-1].append(row)
    if len(batches) > 1:
        even = _shared(batches[-2], batches[-1], lengths)
        if all(_places(part, lengths, padded=padded) <= batch_tokens for part in even):
            batches[-2:] = even
    return batches


def _places(rows: list[int], lengths: Sequence[int], *, padded: bool) -> int:
    """What counts against the budget."""
    sizes = [lengths[row] for row in rows]
    return max(sizes) * len(sizes) if padded else sum(sizes)


def _shared(full: list[int], last: list[int], lengths: Sequence[int]) -> list[list[int]]:
    """The same rows in the same order, cut where both parts have about the same number of tokens."""
    rows = full + last
    ends = np.cumsum([lengths[row] for row in rows])
    middle = int(np.searchsorted(ends, ends[-1] / 2)) + 1
    cut = min(max(1, middle), len(full))
    return [rows[:cut], rows[cut:]]


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise UsageError("the batch size must be at least 1", got=batch_size)
