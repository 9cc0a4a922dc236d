"""Attention within a window in long rows: a setting of a model that its config carries.

A model that attends so says ``attn_implementation: fitwright_local`` in its config.json, beside the window.
transformers alone refuses to load it, rather than compute something else without a word; after
:func:`register_local_attention` it computes the same as the run that trained it.

Legend of shape suffixes: B rows, T padded tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.core.optional import require
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = "fitwright_local"
KEY = "fitwright_local_attention"
"""The config's entry."""


@dataclass(frozen=True, kw_only=True)
class LocalAttention:
    """Rows longer than ``above`` tokens are narrowed: a token sees the ``window`` tokens to each side of it.

    The first token of a row sees all and is seen by all, since heads read it (Longformer, Beltagy et al.
    2020, arXiv 2004.05150, does the same).
    """

    window: int
    above: int

    def narrows(self, length: int) -> bool:
        """Whether a row of that many tokens is narrowed."""
        return length > self.above


def local_attention_of(config: Any) -> LocalAttention | None:
    """What a config says; ``None`` where it attends in full."""
    if getattr(config, "_attn_implementation", None) != NAME:
        return None
    return LocalAttention(**getattr(config, KEY))


def is_local(config: Mapping[str, Any]) -> bool:
    """Whether the entries of a config.json say that the model attends within windows."""
    return config.get("attn_implementation") == NAME


def use_local_attention(model: nn.Module, local: LocalAttention) -> None:
    """Have the model attend so from now on, and its config say so.

    Raises:
        UsageError: it makes no sense for this model.
    """
    loose: Any = model
    reason = _reason(loose)
    if reason is None:
        register_local_attention()
        setattr(loose.config, KEY, asdict(local))
        with quiet_transformers():
            loose.set_attn_implementation(NAME)
        if loose.config._attn_implementation == NAME:  # transformers only logs that it cannot
            return
        delattr(loose.config, KEY)
        reason = "its attention cannot be exchanged"
    raise UsageError(
        f"this model cannot attend within a window: {reason}",
        got=str(getattr(loose.config, "model_type", type(model).__name__)),
        allowed="an encoder of text that attends in full, such as BERT or RoBERTa",
        mend="Leave --attention-window out.",
    )


def write_local_attention(model: nn.Module, folder: Path) -> None:
    """Say it in the config.json that was just saved: transformers leaves the attention out."""
    config: Any = model.config
    if local_attention_of(config) is None:
        return
    path = folder / "config.json"
    write_json(path, {**read_json(path, what="config.json"), "attn_implementation": NAME})


def _reason(model: Any) -> str | None:
    config = model.config
    if not hasattr(model, "set_attn_implementation") or not getattr(config, "vocab_size", None):
        return "it reads no text, or has no attention"
    if getattr(config, "is_encoder_decoder", False):
        return "it has a decoder"
    if any(getattr(module, "is_causal", False) for module in model.modules()):
        return "it looks back only, and a row that is being written has no length yet"
    if any(getattr(config, name, None) for name in ("sliding_window", "local_attention", "attention_window")):
        return "it has a window of its own"
    return None


def register_local_attention() -> None:
    """Make ``fitwright_local`` known to transformers; calling it again changes nothing."""
    from fitwright.modeling.packing.attention import attend

    transformers = require("transformers")
    transformers.AttentionInterface.register(NAME, attend)
    transformers.AttentionMaskInterface.register(NAME, local_mask)


def local_mask(
    *, config: Any, mask_function: Any, attention_mask: torch.Tensor | None = None, **given: Any
) -> Any:
    """The mask interface: the additive mask of padded rows, (B, 1, T, T)."""
    import torch

    masking: Any = require("transformers.masking_utils")
    local = LocalAttention(**getattr(config, KEY))
    width = given["kv_length"]
    if attention_mask is None:
        lengths_B = torch.full((given["batch_size"],), width)
    else:
        lengths_B = attention_mask.sum(-1)

    def near(batch: torch.Tensor, _: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        short = lengths_B.to(query.device)[batch] <= local.above
        return short | ((query - key).abs() <= local.window) | (query == 0) | (key == 0)

    given |= {"allow_is_bidirectional_skip": False}
    return masking.eager_mask(
        config=config, attention_mask=attention_mask,
        mask_function=masking.and_masks(mask_function, near), **given,
    )  # fmt: skip
