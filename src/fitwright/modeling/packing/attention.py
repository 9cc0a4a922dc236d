"""Length-grouped attention: the backend that transformers calls while rows are packed.

It is registered under :data:`NAME` through transformers' public interfaces (``AttentionInterface`` and
``AttentionMaskInterface``), so that no model is touched. In place of a mask the models carry a
:class:`PackedMask`; without one (a padded call) the backend is plain attention.

Legend of shape suffixes: N packed tokens, H heads, D width of a head, G rows of a group, L its longest row.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.dropout import drop
from fitwright.modeling.packing.layout import Group, PackedMask
from fitwright.modeling.packing.stacks import RowBias

if TYPE_CHECKING:
    import torch

NAME = "fitwright_packed"
PLAIN_UP_TO = 256
"""Up to so many tokens plain attention beats the fused CPU kernel (decision 0004)."""

_HARMLESS = {
    "sliding_window", "is_causal", "position_ids", "use_cache", "cache_position", "output_attentions",
    "output_hidden_states", "return_dict", "num_items_in_batch", "deterministic",
}  # fmt: skip
"""Arguments that change nothing here: the mask function already says who sees whom."""

_masks: contextvars.ContextVar[dict[int | None, PackedMask] | None] = contextvars.ContextVar(
    "masks", default=None
)


def register() -> None:
    """Make the backend known to transformers; calling it again changes nothing."""
    transformers = require("transformers")
    transformers.AttentionInterface.register(NAME, attend)
    transformers.AttentionMaskInterface.register(NAME, packed_mask)


@contextlib.contextmanager
def packed_rows(masks: dict[int | None, PackedMask]) -> Iterator[None]:
    """While the block runs, a mask tensor at one of those addresses stands for those packed rows."""
    token = _masks.set(masks)
    try:
        yield
    finally:
        _masks.reset(token)


def packed_mask(*, attention_mask: torch.Tensor | None = None, **given: Any) -> Any:
    """The mask interface: a :class:`PackedMask` for packed rows, else the mask of plain attention."""
    masking: Any = require("transformers.masking_utils")
    address = None if attention_mask is None else attention_mask.data_ptr()
    layouts = (_masks.get() or {}).get(address)
    if layouts is None:
        return masking.eager_mask(attention_mask=attention_mask, **given)
    if given.get("use_vmap"):
        raise UsageError("this model overlays a mask of its own, which packed rows do not support")
    function = given["mask_function"]
    everything = function is masking.bidirectional_mask_function
    return PackedMask(layouts.queries, layouts.keys, None if everything else function)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: Any = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """The attention interface.

    Args:
        module: the attention layer; only its training flag is read.
        query, key, value: (1, H, N, D) of packed rows, or (B, H, T, D) of padded ones. Fewer key and value
            heads than query heads are repeated.
        attention_mask: a :class:`PackedMask`, or the additive mask of a padded call.
        dropout: of the attention weights.
        scaling: of the scores; 1/√D by default.
        position_bias: added to the scores; a :class:`RowBias` where rows are packed.

    Returns:
        (1, N, H, D), or (B, T, H, D).
    """
    unknown = sorted(k for k, v in kwargs.items() if v is not None and k not in _HARMLESS)
    if unknown:
        raise UsageError(
            "this model's attention takes arguments that packed rows do not support", got=unknown
        )
    heads = query.shape[1]
    if key.shape[1] != heads:
        key, value = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    rate = dropout if module.training else 0.0
    if isinstance(attention_mask, PackedMask):
        given = _Attention(attention_mask, position_bias, rate, scale)
        answer = given.within(query, key, value) if given.alone else given.across(query, key, value)
        return answer.unsqueeze(0), None
    if position_bias is not None:
        attention_mask = position_bias if attention_mask is None else attention_mask + position_bias
    return _plain(query, key, value, attention_mask, rate, scale).transpose(1, 2).contiguous(), None


@dataclass(frozen=True, eq=False)
class _Attention:
    """One call on packed rows."""

    mask: PackedMask
    bias: RowBias | None
    rate: float
    scale: float

    @property
    def alone(self) -> bool:
        """Whether rows look at themselves."""
        return self.mask.queries is self.mask.keys

    def within(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Self-attention, group by group; (N, H, D)."""
        import torch

        layout = self.mask.queries
        sides = [x[0].transpose(0, 1) for x in (query, key, value)]  # (N, H, D), as the projections left them
        parts = [x.split(layout.split_sizes) for x in sides]
        answers = []
        for place, group in enumerate(layout.groups):
            q, k, v = (_rows(part[place], group) for part in parts)
            answers.append(_tokens(self._group(q, k, v, group), group))
        if len(parts[0]) > len(layout.groups):  # filler sees nothing
            answers.append(torch.zeros_like(parts[0][-1]))
        return torch.cat(answers)

    def across(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Cross-attention, (N, H, D): only here rows are padded, since the two sides differ in length."""
        import torch

        queries, keys = self.mask.queries, self.mask.keys
        q = queries.unpack(query.transpose(1, 2)).transpose(1, 2)
        k, v = (keys.unpack(x.transpose(1, 2)).transpose(1, 2) for x in (key, value))
        places = torch.arange(keys.width, device=q.device)
        lengths_B = torch.tensor(keys.lengths, device=q.device)
        real_BS = places < lengths_B[:, None]
        answer = _masked(q, k, v, real_BS[:, None, None, :], None, self.rate, self.scale)
        return queries.pack(answer.transpose(1, 2))[0]

    def _group(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, group: Group) -> torch.Tensor:
        allowed = self.mask.within_row(group.longest, q.device)
        if group.real_GL is not None:
            real = group.real_GL[:, None, None, :]
            allowed = real if allowed is None else real & allowed
        bias = None if self.bias is None else self.bias.of(group.longest)
        return _masked(q, k, v, allowed, bias, self.rate, self.scale)


def _rows(tokens: torch.Tensor, group: Group) -> torch.Tensor:
    """(tokens, H, D) → (G, H, L, D)."""
    if group.index_GL is None:
        rows = tokens.unflatten(0, (group.rows, group.longest))
    else:
        rows = tokens.index_select(0, group.index_GL.view(-1)).unflatten(0, (group.rows, group.longest))
    return rows.transpose(1, 2)


def _tokens(answer_GHLD: torch.Tensor, group: Group) -> torch.Tensor:
    """(G, H, L, D) → (tokens, H, D)."""
    flat = answer_GHLD.transpose(1, 2).flatten(0, 1)
    return flat if group.places is None else flat.index_select(0, group.places)


def _masked(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    allowed: torch.Tensor | None,
    bias: torch.Tensor | None,
    rate: float,
    scale: float,
) -> torch.Tensor:
    """(G, H, L, D), plain or fused by length; ``allowed`` is bool, ``bias`` added to the scores."""
    import torch

    if allowed is not None:
        base = torch.zeros((), dtype=q.dtype, device=q.device) if bias is None else bias.to(q.dtype)
        bias = torch.where(allowed, base, torch.finfo(q.dtype).min)
    if k.shape[-2] <= PLAIN_UP_TO:
        return _plain(q, k, v, bias, rate, scale)
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, dropout_p=rate, scale=scale
    )


def _plain(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None, rate: float, scale: float
) -> torch.Tensor:
    from torch.nn.functional import softmax

    scores = (q @ k.transpose(-1, -2)) * scale
    weights = softmax(scores if bias is None else scores + bias, dim=-1)
    return (drop(weights, rate) if rate else weights) @ v
