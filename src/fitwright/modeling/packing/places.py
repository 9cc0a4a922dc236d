"""Where the heads of packed tokens lie once every row stands alone, and the way back.

Legend of shape suffixes: N packed tokens, H heads, G rows of a group, L its longest row, R places (the sum of
G·H·L over all groups).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from fitwright.modeling.packing.layout import RowLayout

CHUNK_SCORES = 1 << 20
"""Scores that are computed together: what they and their dropout take stays in the cache."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Rows whose attention is computed together: their places and how they are shaped.

    Attributes:
        start, stop: of its places among all R.
        rows, longest: G and L.
        bias: added to the scores, (G·H, 1, L): the lowest number on padding; ``None`` where there is none.
    """

    start: int
    stop: int
    rows: int
    longest: int
    bias: torch.Tensor | None


class HeadPlaces:
    """The places of one layout for a number of heads.

    Each group's heads are laid out (G, H, L). Padding reads one more packed token, number N, that the caller
    keeps at zero; filler reads one more place, number R, likewise.
    """

    def __init__(self, layout: RowLayout, heads: int) -> None:
        self.tokens, self.heads, self.device = layout.tokens, heads, layout.source_N.device
        lengths = np.array([layout.lengths[row] for row in layout.order])
        starts = np.cumsum(lengths) - lengths
        sizes = np.cumsum([0, *(group.rows for group in layout.groups)])
        self._groups = [
            (lengths[a:b], starts[a:b]) for a, b in itertools.pairwise(sizes)
        ]  # rows of one group each
        self._token_R, self._head_R = self._read()
        self.places = len(self._token_R)

    def _read(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each place the packed token and the head that it holds."""
        tokens, heads = [], []
        for lengths, starts in self._groups:
            place_L = np.arange(lengths.max())
            token_GL = np.where(place_L < lengths[:, None], starts[:, None] + place_L, self.tokens)
            shape = (len(lengths), self.heads, len(place_L))
            tokens.append(np.broadcast_to(token_GL[:, None, :], shape).ravel())
            heads.append(np.broadcast_to(np.arange(self.heads)[:, None], shape).ravel())
        return np.concatenate(tokens), np.concatenate(heads)

    def gather(self, parts: int = 1) -> torch.Tensor:
        """For each place of each part its row in the flattened (N + 1, parts, H) of the packed side."""
        import torch

        one_R = self._token_R * (parts * self.heads) + self._head_R
        return torch.from_numpy(np.concatenate([one_R + part * self.heads for part in range(parts)]))

    def scatter(self, parts: int = 1) -> torch.Tensor:
        """The way back: for each of the (N, parts, H) its row in the flattened (parts, R) and one more."""
        import torch

        back = np.full((self.tokens + 1, self.heads), -1)
        back[self._token_R, self._head_R] = np.arange(self.places)
        back = back[: self.tokens]
        none = parts * self.places
        each = [np.where(back < 0, none, back + part * self.places) for part in range(parts)]
        return torch.from_numpy(np.stack(each, axis=1).ravel())

    @cached_property
    def qkv(self) -> tuple[torch.Tensor, torch.Tensor]:
        """There and back for queries, keys and values side by side."""
        return self.gather(3), self.scatter(3)

    @cached_property
    def one(self) -> tuple[torch.Tensor, torch.Tensor]:
        """There and back for a single part."""
        return self.gather(), self.scatter()

    @cached_property
    def chunks(self) -> list[Chunk]:
        """What is computed together, in the order of the places."""
        found, start = [], 0
        for lengths, _ in self._groups:
            longest = int(lengths.max())
            most = max(1, CHUNK_SCORES // (self.heads * longest * longest))
            for first in range(0, len(lengths), most):
                part = lengths[first : first + most]
                stop = start + len(part) * self.heads * longest
                found.append(Chunk(start, stop, len(part), longest, self._bias(part, longest)))
                start = stop
        return found

    def _bias(self, lengths: NDArray[np.int64], longest: int) -> torch.Tensor | None:
        if lengths.min() == longest:
            return None
        import torch

        real_GL = np.arange(longest) < lengths[:, None]
        lowest = np.float32(torch.finfo(torch.float32).min)
        bias = np.where(real_GL, np.float32(0), lowest)
        return torch.from_numpy(np.repeat(bias, self.heads, axis=0)[:, None, :])
