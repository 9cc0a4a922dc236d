"""L2-SP: a penalty on the way from the starting weights (Xuhong Li et al. 2018, arXiv 1802.01483).

It adds α/2 · ‖w − w⁰‖² over all that trains to the objective. Its gradient, α (w − w⁰), needs no graph, so it
is added to that of the step: it neither depends on micro-batches nor shows in the reported loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


class StartPenalty:
    """Remembers where parameters are when it is made; without weight it does nothing."""

    def __init__(self, model: nn.Module, weight: float) -> None:
        """``weight``: α, at least 0."""
        self.weight = weight
        trained = [p for p in model.parameters() if p.requires_grad] if weight else []
        self._start = [(p, p.detach().clone()) for p in trained]

    def add_gradient(self) -> None:
        """Add the penalty's gradient to that of every parameter that has one."""
        import torch

        with torch.no_grad():
            for parameter, start in self._start:
                if parameter.grad is not None:
                    parameter.grad.add_(parameter - start, alpha=self.weight)
