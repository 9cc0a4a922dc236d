"""Which layers can be computed as one function, and when a call of them is.

Known by their parts, named as in BERT, RoBERTa, ELECTRA and their kin; whether the answers are the same is
tried besides (:mod:`checking`). A part that is not what it seems (an adapter in its place, a hook on a matrix
or norm) or a call that is not a plain packed one leaves the layer to its own code. Hooks on the modules
around these, such as ``attention``, are not called in a fused layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.modeling.layers import layer_list
from fitwright.modeling.packing.first_tokens import finish_first
from fitwright.modeling.packing.layer_parts import LayerParts
from fitwright.modeling.packing.mask import PackedMask
from fitwright.modeling.packing.scores import PLAIN_UP_TO

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fitwright.modeling.packing.encoder_layer import LayerCall

Chosen = Callable[[], "torch.Tensor | None"]


class FusedLayer:
    """One layer whose forward is replaced until :meth:`remove`."""

    def __init__(self, layer: Any, parts: LayerParts, chosen: Chosen | None) -> None:
        """``chosen``: of the last layer, the packed tokens that alone are read; ``None`` for the others."""
        self.layer, self.parts, self.chosen = layer, parts, chosen
        self._original = layer.forward
        layer.forward = self.forward

    def remove(self) -> None:
        """Give the layer its own forward back."""
        del self.layer.forward

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """The layer's forward."""
        extra = [*args, *(kwargs.get(name) for name in ("encoder_hidden_states", "past_key_values"))]
        if not self._is_plain(hidden_states, attention_mask) or any(value is not None for value in extra):
            return self._original(hidden_states, attention_mask, *args, **kwargs)
        places = None if self.chosen is None else self.chosen()
        if places is not None:  # the first token sees its whole row, whatever the window
            return finish_first(self.layer, self.parts, hidden_states[0], attention_mask.queries)
        if attention_mask.is_local:
            return self._original(hidden_states, attention_mask, *args, **kwargs)
        from fitwright.modeling.packing.encoder_layer import EncoderLayer

        call = self._call(attention_mask)
        answer_NW: Any = EncoderLayer.apply(hidden_states[0], call, *self.parts.parameters)
        return answer_NW.unsqueeze(0)

    def _is_plain(self, hidden: torch.Tensor, mask: Any) -> bool:
        import torch

        if not isinstance(mask, PackedMask) or mask.allowed is not None or not mask.alone:
            return False
        if hidden.dtype != torch.float32 or hidden.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return False
        long = max(mask.queries.lengths) > PLAIN_UP_TO  # without dropout torch's kernel is the faster one
        if long and not (self.layer.training and self.layer.attention.self.dropout.p):
            return False
        checkpointed = self.layer.training and getattr(self.layer, "gradient_checkpointing", False)
        return not checkpointed and not any(map(_is_watched, self.parts.modules))

    def _call(self, mask: PackedMask) -> LayerCall:
        from fitwright.modeling.packing.encoder_layer import LayerCall

        layer, attention = self.layer, self.layer.attention
        drops = (attention.self.dropout, attention.output.dropout, layer.output.dropout)
        return LayerCall(
            places=mask.queries.places(attention.self.num_attention_heads),
            scale=attention.self.scaling,
            rates=tuple(drop.p if drop.training else 0.0 for drop in drops),  # type: ignore[arg-type]
            epsilons=(self.parts.attention_norm.eps, self.parts.output_norm.eps),
        )


def fuse(stack: nn.Module, chosen: Chosen) -> list[FusedLayer]:
    """Replace the forwards of the stack's layers where all are such as can be; else of none."""
    try:
        owner, name = layer_list(stack)
    except UsageError:
        return []
    layers = list(getattr(owner, name))
    parts = [_parts(layer) for layer in layers]
    if any(part is None for part in parts):
        return []
    last = len(layers) - 1
    return [
        FusedLayer(layer, part, chosen if place == last else None)
        for place, (layer, part) in enumerate(zip(layers, parts, strict=True))
        if part is not None
    ]


def _parts(layer: Any) -> LayerParts | None:
    """The layer's parts, or ``None`` where it is not built as BERT's."""
    from torch import nn

    try:
        heads, behind, wide, narrow = (
            layer.attention.self, layer.attention.output, layer.intermediate, layer.output,
        )  # fmt: skip
        found = LayerParts(
            heads.query, heads.key, heads.value, behind.dense, behind.LayerNorm, wide.dense, narrow.dense,
            narrow.LayerNorm,
        )  # fmt: skip
        activation = wide.intermediate_act_fn
        dropouts = [heads.dropout, behind.dropout, narrow.dropout]
        heads.scaling, heads.num_attention_heads  # noqa: B018
    except AttributeError:
        return None
    kinds = [type(module).__name__ for module in (heads, behind, wide, narrow)]
    ends = ("SelfAttention", "SelfOutput", "Intermediate", "Output")
    norms = {found.attention_norm, found.output_norm}
    usual = (
        all(kind.endswith(end) for kind, end in zip(kinds, ends, strict=True))
        and all(type(m) is (nn.LayerNorm if m in norms else nn.Linear) for m in found.modules)
        and all(type(m) is nn.Dropout for m in dropouts)
        and all(parameter is not None for parameter in found.parameters)
        and type(activation).__name__ == "GELUActivation"
        and getattr(activation, "act", None) is nn.functional.gelu
        and not getattr(layer, "add_cross_attention", False)
    )
    return found if usual else None


def _is_watched(module: Any) -> bool:
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        or module._backward_pre_hooks or "forward" in vars(module)
    )  # fmt: skip
