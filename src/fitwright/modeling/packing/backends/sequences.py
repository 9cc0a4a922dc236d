"""Rows as the kernels for sequences of unequal length take them: where each begins, in int32.

Legend of shape suffixes: N packed tokens, M those of the keys, R rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitwright.modeling.packing.mask import PackedMask

if TYPE_CHECKING:
    import torch

    from fitwright.modeling.packing.backends.interface import Call


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """The rows of both sides in the same order, filler left out.

    Attributes:
        query_starts, key_starts: int32 (R + 1), the last one being the end.
        longest_query, longest_key: tokens.
        key_order: int64 (M): which key comes where; ``None`` where they lie so already.
    """

    query_starts: torch.Tensor
    key_starts: torch.Tensor
    longest_query: int
    longest_key: int
    key_order: torch.Tensor | None = None

    @classmethod
    def of(cls, mask: PackedMask) -> Sequences:
        """The sequences of a mask."""
        import torch

        queries, keys, device = mask.queries, mask.keys, mask.queries.source_N.device
        starts = _starts([queries.lengths[row] for row in queries.order])
        sides = [starts, starts if mask.alone else _starts([keys.lengths[row] for row in queries.order])]
        order = None
        if not mask.alone and keys.order != queries.order:
            first = keys.first_B.tolist()
            parts = [np.arange(first[row], first[row] + keys.lengths[row]) for row in queries.order]
            order = torch.from_numpy(np.concatenate(parts)).to(device)
        query_starts, key_starts = (torch.from_numpy(side).to(device) for side in sides)
        return cls(
            query_starts=query_starts, key_starts=key_starts, longest_query=max(queries.lengths),
            longest_key=max(keys.lengths), key_order=order,
        )  # fmt: skip

    def sides(self, call: Call) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries (R's tokens, H, D), keys and values, in the order of the sequences."""
        queries, keys = call.mask.queries.real_tokens, call.mask.keys.real_tokens
        q, k, v = (
            x[0].transpose(0, 1)[:count]
            for x, count in ((call.query, queries), (call.key, keys), (call.value, keys))
        )
        if self.key_order is not None:
            k, v = (x.index_select(0, self.key_order) for x in (k, v))
        return q, k, v


def with_filler(answer: torch.Tensor, call: Call) -> torch.Tensor:
    """The answer of all real tokens with zeros behind it, (N, H, D)."""
    missing = call.mask.queries.tokens - len(answer)
    return answer if not missing else _padded(answer, missing)


def _padded(answer: torch.Tensor, missing: int) -> torch.Tensor:
    from torch.nn.functional import pad

    return pad(answer, (0, 0, 0, 0, 0, missing))


def _starts(lengths: list[int]) -> np.ndarray:
    return np.cumsum([0, *lengths]).astype(np.int32)
