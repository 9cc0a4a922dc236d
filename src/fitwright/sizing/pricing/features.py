"""What the time of an operator grows with, by kind of surface: the terms of the fit under the
interpolation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

Dims = tuple[float, ...]


class Kind(NamedTuple):
    """How one kind of surface is described.

    axes: names of the coordinates of a cell.
    terms: the coordinates' terms; time ≈ Σ coefficient × term, coefficients not negative.
    line: place of the coordinate along which cells are interpolated; the others choose the columns.
    far: how much an octave of each of those others counts in the distance between columns.
    """

    axes: tuple[str, ...]
    terms: Callable[[Dims], tuple[float, ...]]
    line: int
    far: tuple[float, ...]


def _matmul(at: Dims) -> tuple[float, ...]:
    m, n, k = at
    return 1.0, m * n * k, n * k, m * k, m * n


def _attention(at: Dims) -> tuple[float, ...]:
    heads, queries, ratio, width = at
    keys = queries * ratio
    return 1.0, heads * queries * keys * width, heads * queries * keys, heads * (queries + keys) * width


def _rows(at: Dims) -> tuple[float, ...]:
    rows, width = at
    return 1.0, rows, rows * width


def _table(at: Dims) -> tuple[float, ...]:
    rows, width, entries = at
    return 1.0, rows, rows * width, entries * width


def _convolution(at: Dims) -> tuple[float, ...]:
    positions, taps, channels = at
    return 1.0, positions * taps * channels, positions * taps, positions * channels, taps * channels


def _bytes(at: Dims) -> tuple[float, ...]:
    return 1.0, at[0]


KINDS: Mapping[str, Kind] = {
    "matmul": Kind(("m", "n", "k"), _matmul, 0, (1.0, 1.0)),
    "attention": Kind(("heads", "queries", "keys_per_query", "width"), _attention, 1, (0.5, 1.0, 1.0)),
    "rows": Kind(("rows", "width"), _rows, 0, (1.0,)),
    "convolution": Kind(("positions", "taps", "channels"), _convolution, 0, (1.0, 1.0)),
    "table": Kind(("rows", "width", "entries"), _table, 0, (1.0, 1.0)),
    "bytes": Kind(("bytes",), _bytes, 0, ()),
}
"""``attention``: fused attention and the products of activations inside a plain one; heads counts every row's
heads, width is of one head. ``convolution``: positions counts every row's, taps are input
channels of a group × kernel elements, channels are output channels. ``table``: the gradient of an embedding
of that many entries. ``bytes``: read plus written."""
