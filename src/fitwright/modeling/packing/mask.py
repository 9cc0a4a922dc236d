"""What takes the place of an attention mask while rows are packed.

Legend of shape suffixes: L tokens of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from fitwright.core.errors import UsageError
from fitwright.modeling.local_attention import LocalAttention
from fitwright.modeling.packing.layout import RowLayout

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


class Band(NamedTuple):
    """A query sees keys from ``left`` places before it to ``right`` behind it; ``None``: all of them."""

    left: int | None
    right: int | None

    @property
    def reach(self) -> tuple[int, int]:
        """As flash attention takes it: -1 for all."""
        return (-1 if self.left is None else self.left, -1 if self.right is None else self.right)


@dataclass(frozen=True, eq=False)
class PackedMask:
    """Who sees whom, row by row.

    Attributes:
        queries, keys: layouts of the two sides; the same one for self-attention.
        allowed: transformers' mask function of (batch, head, query, key) indices within a row, such as
            causal or a sliding window; ``None`` where every token sees its whole row.
        local: narrows that in long rows.
        backend: that computes it.
    """

    queries: RowLayout
    keys: RowLayout
    allowed: Callable[..., torch.Tensor] | None = None
    local: LocalAttention | None = None
    backend: str = "grouped"

    @property
    def alone(self) -> bool:
        """Whether rows look at themselves."""
        return self.queries is self.keys

    @property
    def is_local(self) -> bool:
        """Whether any of these rows is narrowed."""
        return self.local is not None and self.local.narrows(max(self.queries.lengths))

    def within_row(self, longest: int, device: torch.device) -> torch.Tensor | None:
        """Bool (L, L), true where a query may see a key, :attr:`local` aside; ``None``: it may see all."""
        if self.allowed is None:
            return None
        import torch

        place = torch.arange(longest, device=device)
        zero = torch.zeros((), dtype=torch.long, device=device)
        allowed = self.allowed(zero, zero, place[:, None], place[None, :])
        return allowed.expand(longest, longest)

    @cached_property
    def band(self) -> Band | None:
        """The mask function as a band, found by asking it; ``None`` where it is none."""
        import torch

        longest = max(self.queries.lengths)
        allowed_LL = self.within_row(longest, self.queries.source_N.device)
        if allowed_LL is None:
            return Band(None, None)
        last, first = allowed_LL[-1].nonzero(), allowed_LL[0].nonzero()
        if not len(last) or not len(first):
            return None
        left, right = longest - 1 - int(last[0]), int(first[-1])
        band = Band(*(None if reach == longest - 1 else reach for reach in (left, right)))
        place = torch.arange(longest, device=allowed_LL.device)
        return band if torch.equal(allowed_LL, in_band(band, place[:, None], place[None, :])) else None

    def once(self, make: Callable[[PackedMask], T]) -> T:
        """What a backend makes of the mask, made once for all layers that share it."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])

    @cached_property
    def _made(self) -> dict[Any, Any]:
        return {}

    def checked_band(self, backend: str) -> Band:
        """The band, for a backend that knows no other masks.

        Raises:
            UsageError: it is none.
        """
        if self.band is None:
            raise UsageError(f"attention of this model is no band of the row, which {backend} cannot compute")
        return self.band


def in_band(band: Band, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Whether places of queries see places of keys; they broadcast."""
    behind = query - key
    seen = behind == behind
    if band.left is not None:
        seen = seen & (behind <= band.left)
    if band.right is not None:
        seen = seen & (-behind <= band.right)
    return seen
