"""Adapters of low rank beside attention's projections, on a model without memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitwright.core.errors import UsageError

TARGETS = (
    "query", "key", "value", "q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "q_lin", "k_lin", "v_lin",
    "out_lin", "c_attn", "query_key_value", "qkv_proj", "query_proj", "key_proj", "value_proj", "q", "k", "v",
    "o", "Wqkv", "Wo",
)  # fmt: skip
"""Names of attention's projections in the models of transformers."""


@dataclass(frozen=True, kw_only=True)
class LoRA:
    """Train B·A of rank ``rank`` beside each projection, nothing else (Hu et al. 2021, arXiv:2106.09685)."""

    rank: int

    def add(self, model: Any) -> tuple[tuple[tuple[int, ...], int], ...]:
        """Freeze ``model`` and put adapters beside its projections; (shape, count) of what is trained.

        Raises:
            UsageError: no projection has a known name.
        """
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        found = [
            (owner, name, child)
            for owner in list(model.modules())
            for name, child in list(owner.named_children())
            if name in TARGETS and _features(child) is not None
        ]
        if not found:
            raise UsageError("no attention projection to put adapters beside", got=type(model).__name__)
        for owner, name, child in found:
            setattr(owner, name, _Adapted(child, self.rank))
        shapes: dict[tuple[int, ...], int] = {}
        for parameter in model.parameters():
            if parameter.requires_grad:
                shapes[tuple(parameter.shape)] = shapes.get(tuple(parameter.shape), 0) + 1
        return tuple(sorted(shapes.items()))


def _features(module: Any) -> tuple[int, int] | None:
    """(inputs, outputs) of a linear layer or of GPT-2's transposed one."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    weight = getattr(module, "weight", None)
    if type(module).__name__ == "Conv1D" and weight is not None:
        return int(weight.shape[0]), int(weight.shape[1])
    return None


class _Adapted(nn.Module):
    """A frozen projection with an adapter beside it."""

    def __init__(self, base: Any, rank: int) -> None:
        super().__init__()
        inputs, outputs = _features(base) or (0, 0)
        self.base = base
        dtype = base.weight.dtype
        self.down = nn.Parameter(torch.empty(rank, inputs, device="meta", dtype=dtype))
        self.up = nn.Parameter(torch.empty(outputs, rank, device="meta", dtype=dtype))

    @property
    def weight(self) -> Tensor:
        """Of the frozen projection, which some models look at."""
        return self.base.weight  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """The projection and its adapter."""
        low = nn.functional.linear(nn.functional.linear(x, self.down), self.up)
        return self.base(x) + low  # type: ignore[no-any-return]
