"""The optimiser of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn


def adamw(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) with decay on matrices only, over what is trained."""
    import torch

    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    return optimizer
