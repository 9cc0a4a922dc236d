"""What transformers calls in place of a model's own attention while rows are packed.

It is registered under :data:`NAME` through transformers' public interfaces (``AttentionInterface`` and
``AttentionMaskInterface``), so that no model is touched. In place of a mask the models carry a
:class:`PackedMask`, which names the backend that computes; without one (a padded call) it is plain attention.

Legend of shape suffixes: N packed tokens, H heads, D width of a head.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.packing.backends.interface import Call
from fitwright.modeling.packing.backends.registry import backend_of
from fitwright.modeling.packing.mask import PackedMask
from fitwright.modeling.packing.scores import biased_attention

if TYPE_CHECKING:
    import torch

NAME = "fitwright_packed"
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
    return replace(layouts, allowed=None if everything else function)


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
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    rate = dropout if module.training else 0.0
    if isinstance(attention_mask, PackedMask):
        call = Call(
            query=query, key=key, value=value, mask=attention_mask, bias=position_bias, rate=rate, scale=scale
        )
        return backend_of(attention_mask.backend).attend(call).unsqueeze(0), None
    heads = query.shape[1]
    if key.shape[1] != heads:
        key, value = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (key, value))
    if position_bias is not None:
        attention_mask = position_bias if attention_mask is None else attention_mask + position_bias
    answer = biased_attention(query, key, value, attention_mask, rate, scale)
    return answer.transpose(1, 2).contiguous(), None
