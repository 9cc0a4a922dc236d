"""Where each row of a padded batch lies once the padding is gone.

Legend of shape suffixes: B rows, T padded tokens, N packed tokens, G rows of a group, L its longest row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.places import HeadPlaces

if TYPE_CHECKING:
    import torch

GROUP_MULTIPLE = 8
"""Rows whose lengths agree after rounding up to this share one attention call."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that share one attention call; they lie next to each other in the packed sequence.

    Attributes:
        rows: how many.
        longest: tokens of its longest row.
        tokens: of all its rows.
        index_GL: where each of its padded places lies within the group's tokens (padding reads token 0);
            ``None`` where all rows have the same length and nothing has to be gathered.
        real_GL: true on tokens, false on padded places; ``None`` as above.
        places: where each of the group's tokens lies in the flattened (G, L) places; ``None`` as above.
    """

    rows: int
    longest: int
    tokens: int
    index_GL: torch.Tensor | None = None
    real_GL: torch.Tensor | None = None
    places: torch.Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RowLayout:
    """The packed form of one padded batch: rows sorted by length, then filler up to ``tokens``.

    Attributes:
        rows, width: B and T of the padded batch.
        lengths: real tokens of each row, in the batch's order.
        order: rows in packed order, shortest first; equal lengths keep their order.
        tokens: N, filler included.
        source_N: for each packed token its place in the flattened (B, T) batch; filler repeats place 0 of the
            first row.
        groups: attention's groups, in packed order; filler is in none of them.
    """

    rows: int
    width: int
    lengths: tuple[int, ...]
    order: tuple[int, ...]
    tokens: int
    source_N: torch.Tensor
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, mask_BT: torch.Tensor, *, multiple: int = 1, apart_above: int | None = None) -> RowLayout:
        """The layout of a batch that is padded on the right.

        Args:
            mask_BT: integer or bool, 1 on tokens and 0 on padding.
            multiple: N is rounded up to it, so that kernels see few distinct shapes.
            apart_above: rows longer than this share no group with shorter ones.

        Raises:
            UsageError: a row is empty, or has padding before or between its tokens.
        """
        import torch

        mask = mask_BT.detach().cpu().numpy() != 0
        rows, width = mask.shape
        lengths = mask.sum(axis=1)
        if (lengths == 0).any() or (mask != (np.arange(width) < lengths[:, None])).any():
            raise UsageError("rows can be packed only where each has tokens and its padding is on the right")
        order = np.argsort(lengths, kind="stable")
        source = np.concatenate([np.arange(lengths[row]) + row * width for row in order])
        filler = -len(source) % multiple
        device = mask_BT.device
        return cls(
            rows=rows, width=width, lengths=tuple(lengths.tolist()), order=tuple(order.tolist()),
            tokens=len(source) + filler,
            source_N=torch.from_numpy(np.pad(source, (0, filler))).to(device),
            groups=_groups(lengths[order], device, apart_above),
        )  # fmt: skip

    @property
    def real_tokens(self) -> int:
        """Packed tokens without filler."""
        return sum(self.lengths)

    @cached_property
    def split_sizes(self) -> list[int]:
        """Tokens of each group, then of the filler where there is any."""
        sizes = [group.tokens for group in self.groups]
        filler = self.tokens - sum(sizes)
        return [*sizes, filler] if filler else sizes

    @cached_property
    def position_N(self) -> torch.Tensor:
        """Each packed token's position in its row, from 0; int64, (N,)."""
        return self.source_N % self.width

    @cached_property
    def row_N(self) -> torch.Tensor:
        """Which row of the batch each packed token is of, -1 for filler; int64, (N,)."""
        row_N = self.source_N // self.width
        row_N[self.real_tokens :] = -1
        return row_N

    @cached_property
    def first_B(self) -> torch.Tensor:
        """Where each row's first token lies in the packed sequence, in the batch's order; int64, (B,)."""
        import torch

        starts = np.empty(self.rows, dtype=np.int64)
        sorted_lengths = np.array([self.lengths[row] for row in self.order])
        starts[list(self.order)] = np.cumsum(sorted_lengths) - sorted_lengths
        return torch.from_numpy(starts).to(self.source_N.device)

    def places(self, heads: int) -> HeadPlaces:
        """Where that many heads lie once every row stands alone; worked out once."""
        if heads not in self._places:
            self._places[heads] = HeadPlaces(self, heads)
        return self._places[heads]

    @cached_property
    def _places(self) -> dict[int, HeadPlaces]:
        return {}

    def pack(self, padded: torch.Tensor) -> torch.Tensor:
        """(B, T, ...) → (1, N, ...)."""
        flat = padded.reshape(self.rows * self.width, *padded.shape[2:])
        return flat.index_select(0, self.source_N).unsqueeze(0)

    def unpack(self, packed: torch.Tensor) -> torch.Tensor:
        """(1, N, ...) → (B, T, ...), zero on padding."""
        flat = packed[0, : self.real_tokens]
        padded = flat.new_zeros(self.rows * self.width, *flat.shape[1:])
        padded = padded.index_copy(0, self.source_N[: self.real_tokens], flat)
        return padded.view(self.rows, self.width, *flat.shape[1:])


def _groups(sorted_lengths: np.ndarray, device: torch.device, apart_above: int | None) -> tuple[Group, ...]:
    """Consecutive rows whose lengths round up to the same multiple."""
    kinds = -(-sorted_lengths // GROUP_MULTIPLE)
    if apart_above is not None:
        kinds = 2 * kinds + (sorted_lengths > apart_above)
    starts = np.flatnonzero(np.diff(kinds, prepend=-1))
    return tuple(_group(part, device) for part in np.split(sorted_lengths, starts[1:]))


def _group(lengths: np.ndarray, device: torch.device) -> Group:
    import torch

    longest, tokens = int(lengths[-1]), int(lengths.sum())
    if lengths[0] == longest:
        return Group(rows=len(lengths), longest=longest, tokens=tokens)
    real = np.arange(longest) < lengths[:, None]
    index = np.where(real, np.arange(longest) + (np.cumsum(lengths) - lengths)[:, None], 0)
    return Group(
        rows=len(lengths), longest=longest, tokens=tokens,
        index_GL=torch.from_numpy(index).to(device), real_GL=torch.from_numpy(real).to(device),
        places=torch.from_numpy(np.flatnonzero(real)).to(device),
    )  # fmt: skip
