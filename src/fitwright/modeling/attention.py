"""Which attention a model is trained with."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fitwright.modeling.local_attention import NAME, local_attention_of

if TYPE_CHECKING:
    from torch import nn

SHORT_TOKENS = 256
"""Up to here the plain form's scores (rows × heads × tokens²) stay small beside the other activations."""


def choose_training_attention(model: nn.Module, device_type: str, max_length: int) -> str:
    """Take plain attention on a CPU where rows are short, else leave the model's own; returns its name.

    The fused CPU kernel of torch 2.13 is made for long rows: its backward pass is slower on short ones. A
    6-layer encoder without dropout on rows of about 25 tokens trained 1.2 to 1.7 times as fast with the plain
    form (two cores, bf16 autocast). Both compute the same function. A model without a plain form keeps its
    own.
    """
    loose: Any = model
    if local_attention_of(loose.config) is not None:
        return NAME
    if device_type == "cpu" and max_length <= SHORT_TOKENS and hasattr(loose, "set_attn_implementation"):
        with contextlib.suppress(ValueError):  # this architecture has its own attention only
            loose.set_attn_implementation("eager")
    return str(getattr(loose.config, "_attn_implementation", "unknown"))
