"""Which blocks of keys any query of a block sees, worked out from where rows lie: no score is asked.

Legend of shape suffixes: R rows, Q and K blocks of queries and of keys.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.packing.mask import Band, PackedMask

Bools = NDArray[np.bool_]


def seen_blocks(mask: PackedMask, size: int) -> Bools:
    """Bool (Q, K): true where a query of the block may see a key of the other; never false where it does."""
    queries, keys = mask.queries, mask.keys
    query_rows, key_rows = _rows_in_blocks(queries, size), _rows_in_blocks(keys, size)
    together_QK = _meet(query_rows, key_rows)
    if not mask.alone:  # filler sees row 0
        filler = _filler_blocks(queries, size)
        return np.asarray(together_QK | (filler[:, None] & key_rows[:, 0]))
    if mask.band is not None:
        together_QK &= _near_blocks(mask.band, len(query_rows), size)
    if mask.is_local and mask.local is not None:
        long_R = np.array([mask.local.narrows(length) for length in queries.lengths])
        near = _near_blocks(Band(mask.local.window, mask.local.window), len(query_rows), size)
        firsts = _first_tokens(queries, size) & long_R
        narrowed = (_meet(query_rows & long_R, key_rows) & near) | _meet(firsts, key_rows)
        together_QK &= _meet(query_rows & ~long_R, key_rows) | narrowed | _meet(query_rows, firsts)
    filler = _filler_blocks(queries, size)
    return np.asarray(together_QK | (filler[:, None] & filler))


def _meet(one_QR: Bools, other_KR: Bools) -> Bools:
    """Bool (Q, K): whether the blocks have a row in common."""
    return np.asarray(one_QR.astype(np.float32) @ other_KR.T.astype(np.float32) > 0)


def _rows_in_blocks(layout: RowLayout, size: int) -> Bools:
    """Bool (blocks, R): which rows have tokens in each block."""
    blocks = -(-layout.tokens // size)
    starts, ends = _spans(layout)
    edges = np.arange(blocks)[:, None] * size
    return np.asarray((starts < edges + size) & (ends > edges))


def _first_tokens(layout: RowLayout, size: int) -> Bools:
    """Bool (blocks, R): in which block each row begins."""
    blocks = -(-layout.tokens // size)
    return np.asarray(np.arange(blocks)[:, None] == _spans(layout)[0] // size)


def _filler_blocks(layout: RowLayout, size: int) -> Bools:
    """Bool (blocks): which blocks have filler."""
    edges = np.arange(-(-layout.tokens // size)) * size
    return np.asarray((edges + size > layout.real_tokens) & (layout.tokens > layout.real_tokens))


def _near_blocks(band: Band, blocks: int, size: int) -> Bools:
    """Bool (blocks, blocks): whether a place of the one sees a place of the other, were it all one row."""
    behind = (np.arange(blocks)[:, None] - np.arange(blocks)) * size  # of their first places
    least, most = behind - (size - 1), behind + (size - 1)
    seen = np.ones((blocks, blocks), dtype=bool)
    if band.left is not None:
        seen &= least <= band.left
    if band.right is not None:
        seen &= most >= -band.right
    return seen


def _spans(layout: RowLayout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each row of the batch begins and ends in the packed sequence."""
    lengths, order = np.array(layout.lengths), list(layout.order)
    ends = np.empty(layout.rows, dtype=np.int64)
    ends[order] = np.cumsum(lengths[order])
    return ends - lengths, ends
