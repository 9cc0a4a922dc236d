"""Cross-entropy over a large vocabulary on a CPU: loss and gradient in one walk over the scores.

torch walks over them about ten times, each time through main memory: fp32, log-softmax, its gradient, fills.
Here a few rows at a time stay in the cache until their gradient is written.

Legend of shape suffixes: P places, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

_LARGE, _CACHED = 1024, 2**19
"""Vocabulary from which it pays; scores that are worked on at a time, 2 MiB in fp32."""


def summed_cross_entropy(scores_PV: torch.Tensor, labels_P: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies in nats, fp32; every label is a class.

    Differentiable once. Equals torch's up to rounding (relative error of a gradient about 1e-6).
    """
    fast = scores_PV.device.type == "cpu" and scores_PV.shape[1] >= _LARGE and scores_PV.requires_grad
    if fast and torch.is_grad_enabled():
        loss: torch.Tensor = _OneWalk.apply(scores_PV, labels_P)
        return loss
    return cross_entropy(scores_PV.float(), labels_P, reduction="sum")


class _OneWalk(torch.autograd.Function):
    """Softmax less one at the label is the gradient; it is written while the loss is computed."""

    @staticmethod
    def forward(ctx: Any, scores_PV: torch.Tensor, labels_P: torch.Tensor) -> torch.Tensor:
        gradient_PV = torch.empty_like(scores_PV, dtype=torch.float32)
        rows = max(1, _CACHED // scores_PV.shape[1])
        total = torch.zeros((), dtype=torch.float64)
        for first in range(0, len(scores_PV), rows):
            part = scores_PV[first : first + rows].float()
            out, label = gradient_PV[first : first + rows], labels_P[first : first + rows, None]
            most = part.amax(1, keepdim=True)
            torch.sub(part, most, out=out).exp_()
            over = out.sum(1, keepdim=True)
            total += (over.log() + most - part.gather(1, label)).sum(dtype=torch.float64)
            out.div_(over)
            out.scatter_add_(1, label, torch.full_like(over, -1.0))
        ctx.save_for_backward(gradient_PV)
        ctx.dtype = scores_PV.dtype
        return total.float()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (gradient_PV,) = ctx.saved_tensors
        return (gradient_PV * gradients[0]).to(ctx.dtype), None
