"""Where the head reads the first token of each row alone, the last layer need not finish the others.

Keys and values of the last layer come from all tokens; what follows its attention (projection, norm,
feed-forward) concerns only the tokens that are read. The answers and the gradients are the same: what is left
out would have been thrown away.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.modeling.layers import layer_list

if TYPE_CHECKING:
    import torch
    from torch import nn


def last_seam(stack: nn.Module) -> nn.Module | None:
    """The module behind the last layer's attention, called with its result and the layer's input.

    So are BERT, RoBERTa, ELECTRA and their kin built; ``None`` for other architectures.
    """
    try:
        owner, name = layer_list(stack)
    except UsageError:
        return None
    last = getattr(owner, name)[-1]
    seams = [module for module in last.modules() if type(module).__name__.endswith("SelfOutput")]
    if len(seams) != 1:
        return None
    taken = list(inspect.signature(type(seams[0]).forward).parameters)
    return seams[0] if taken == ["self", "hidden_states", "input_tensor"] else None


def hook_readout(seam: nn.Module, chosen: Callable[[], torch.Tensor | None]) -> Any:
    """Have the seam go on with the chosen packed tokens alone while there are any; the hook's handle."""

    def select(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        places = chosen()
        if places is None:
            return args, kwargs
        pick = {k: v.index_select(1, places) for k, v in kwargs.items()}
        return tuple(value.index_select(1, places) for value in args), pick

    return seam.register_forward_pre_hook(select, with_kwargs=True)
