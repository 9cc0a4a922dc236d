"""The parts of a layer built as BERT's: found by name and kind, whatever the architecture is called."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False)
class LayerParts:
    """The modules of a layer in the order of the computation: attention, norm, feed-forward, norm."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    project: nn.Linear
    attention_norm: nn.LayerNorm
    widen: nn.Linear
    narrow: nn.Linear
    output_norm: nn.LayerNorm

    @property
    def modules(self) -> list[Any]:
        """All of them, in order."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def parameters(self) -> list[torch.Tensor]:
        """Weight and bias of each."""
        return [parameter for module in self.modules for parameter in (module.weight, module.bias)]
