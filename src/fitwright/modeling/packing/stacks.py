"""What a stack of layers needs beside packed ids: positions that restart in every row.

Most models take positions as an argument. The rest are listed here, by what they do and not by their name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch
    from torch import nn

CurrentLayout = Callable[[], RowLayout | None]
"""The layout of the packed call that runs now."""


@dataclass(frozen=True, eq=False)
class RowBias:
    """A bias of the scores by relative position: (1, H, T, T) of one padded row, or none."""

    bias: torch.Tensor | None

    def of(self, longest: int) -> torch.Tensor | None:
        """(1, H, L, L), for rows of up to ``longest`` tokens."""
        return None if self.bias is None else self.bias[:, :, :longest, :longest]


def stacks_of(model: nn.Module) -> list[nn.Module]:
    """The modules that rows are packed for: the body, or encoder and decoder of a pair."""
    loose: Any = model
    if getattr(loose.config, "is_encoder_decoder", False):
        found = [loose.get_encoder(), loose.get_decoder()]
        return [
            stack for place, stack in enumerate(found) if stack is not None and stack not in found[:place]
        ]
    return [loose.base_model]


def position_offset(stack: nn.Module) -> int:
    """What the position of a row's first token is called: behind the padding row of the table, if it has one.

    So count RoBERTa and its kin.
    """
    for name, module in stack.named_modules():
        if name.endswith("position_embeddings") and isinstance(getattr(module, "padding_idx", None), int):
            return int(module.padding_idx) + 1
    return 0


def takes_positions(stack: nn.Module) -> bool:
    """Whether the stack's forward has ``position_ids``."""
    return "position_ids" in inspect.signature(type(stack).forward).parameters


def hook_positions(stack: nn.Module, layout: CurrentLayout) -> list[Any]:
    """Hooks that give positions to a stack that takes none; their handles.

    Raises:
        UsageError: nothing is known about where this stack has its positions from.
    """
    loose: Any = stack
    if takes_positions(stack):
        return []
    relative = [m for m in stack.modules() if getattr(m, "has_relative_attention_bias", False)]
    if relative:  # T5: the first layer's bias serves all layers
        return [_hook_bias(attention, layout) for attention in _first_attentions(stack)]
    table = getattr(loose, "embed_positions", None)
    if table is not None and "position_ids" in inspect.signature(type(table).forward).parameters:  # BART
        return [_hook_table(table, layout)]
    raise UsageError(
        "rows of this architecture cannot be packed: it takes no positions", got=architecture(stack)
    )


def _hook_table(table: nn.Module, layout: CurrentLayout) -> Any:
    def give(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        packed = layout()
        return (args, kwargs) if packed is None else (args, {**kwargs, "position_ids": packed.position_N})

    return table.register_forward_pre_hook(give, with_kwargs=True)


def _first_attentions(stack: nn.Module) -> list[nn.Module]:
    first: Any = next(m for name, m in stack.named_children() if name == "block")[0]  # type: ignore[index]
    return [m for m in first.modules() if hasattr(m, "has_relative_attention_bias") and hasattr(m, "q")]


def _hook_bias(attention: nn.Module, layout: CurrentLayout) -> Any:
    def give(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        packed = layout()
        if packed is None:
            return args, kwargs
        loose: Any = module
        own = loose.has_relative_attention_bias
        bias = loose.compute_bias(packed.width, packed.width) if own else None
        return args, {**kwargs, "position_bias": RowBias(bias)}

    return attention.register_forward_pre_hook(give, with_kwargs=True)


def architecture(model: nn.Module) -> str:
    """What transformers calls this kind of model."""
    return str(getattr(model.config, "model_type", type(model).__name__))


def attention_of(stack: nn.Module) -> str:
    """The name of the attention that the stack uses."""
    return str(getattr(stack.config, "_attn_implementation", "unknown"))


def exchange_attention(stack: nn.Module, name: str) -> None:
    """Have the stack use the attention of that name.

    Raises:
        UsageError: this architecture computes attention in its own code alone. transformers only logs that.
    """
    loose: Any = stack
    with quiet_transformers():
        loose.set_attn_implementation(name)
    if loose.config._attn_implementation != name:
        raise UsageError("the attention of this architecture cannot be exchanged", got=architecture(stack))
