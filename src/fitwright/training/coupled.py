"""Steps whose loss couples the rows, such as a contrast with all others of the step, in micro-batches.

The gradient of such a loss does not add up over parts. It is cached (Gao et al. 2021, "Scaling deep
contrastive learning batch size under memory limited setup"): embed every part without a graph, differentiate
the loss of all embeddings by the embeddings, then embed each part again, with its graph and the same random
bits, and send its share of that gradient through. It costs one more forward pass, and is exact.

Legend of shape suffixes: B rows; what follows is the task's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fitwright.modeling.dropout import CheapDropout
from fitwright.training.batches import Batch, Rows, sorted_batches

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fitwright.training.distributed.team import Team

EVALUATION_BATCH = 64

Autocast = Callable[[], AbstractContextManager[Any]]


@runtime_checkable
class Coupled(Protocol):
    """What a task has besides, or an objective instead, where the loss couples the rows of a step."""

    def embed(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """All that the loss needs of each row: fp32, rows first (B, …)."""

    def loss_of_embeddings(
        self, model: nn.Module, embeddings: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of a whole step, from its embeddings and labels (B, …).

        ``model``: for parameters that the loss itself has, such as a temperature that is learnt.
        """


def coupled_gradients(
    objective: Coupled,
    model: nn.Module,
    parts: Sequence[Callable[[], Batch]],
    autocast: Autocast,
    dropout: CheapDropout | None,
    check: Callable[[float], None],
    backward: Callable[[torch.Tensor], None],
    team: Team,
) -> float:
    """Leave the step's gradient in the parameters, or what this process's rows add to it; its loss.

    Of several processes each embeds its own rows, all compute the loss of all, and rank 0 tells it.

    Args:
        objective: see there.
        model: what learns.
        parts: makes the batch of each part; called twice for each.
        autocast: the context of a forward pass.
        dropout: the source of random bits, where it is not torch's.
        check: is told the loss before the backward pass, and raises where it is none.
        backward: adds the gradients of a loss, scaled where the precision needs it.
        team: who shares the step's rows, in order of rank.
    """
    import torch

    if len(parts) == 1 and team.mode == "none":
        batch = parts[0]()
        with autocast():
            loss = objective.loss_of_embeddings(model, objective.embed(model, batch), batch.labels)
        check(float(loss.detach()))
        backward(loss)
        return float(loss.detach())
    states, sizes = [], []

    def embedded() -> tuple[torch.Tensor, torch.Tensor] | None:
        shares, labels = [], []
        for part in parts:
            batch = part()
            states.append(random_state(dropout))
            with torch.no_grad(), autocast():
                shares.append(objective.embed(model, batch))
            labels.append(batch.labels)
            sizes.append(len(shares[-1]))
        return (torch.cat(shares), torch.cat(labels)) if shares else None

    everyone = [(own or (None, None)) for own in team.exchange(embedded)]
    rows = [0 if share is None else len(share) for share, _ in everyone]
    embeddings = torch.cat([share for share, _ in everyone if share is not None]).requires_grad_()
    labels = torch.cat([own for _, own in everyone if own is not None])
    with autocast():
        loss = objective.loss_of_embeddings(model, embeddings, labels)
    check(float(loss.detach()))
    backward(loss)
    if not team.world.is_first:  # gradients of the loss's own parameters are alike everywhere: one counts
        model.zero_grad(set_to_none=True)
    after = random_state(dropout)
    gradients = torch.zeros_like(embeddings) if embeddings.grad is None else embeddings.grad
    gradients = gradients.split(rows)[team.world.rank]
    for part, state, gradient in zip(parts, states, gradients.split(sizes), strict=True):
        restore_random_state(state, dropout)
        batch = part()
        with autocast():
            share = objective.embed(model, batch)
        share.backward(gradient)
    restore_random_state(after, dropout)
    return float(loss.detach()) if team.world.is_first else 0.0


def embedded(
    objective: Coupled, model: nn.Module, rows: Rows, device: torch.device
) -> tuple[float, torch.Tensor, torch.Tensor]:
    """Those rows embedded for an evaluation, in fp32; leaves the model in ``eval``.

    Returns:
        The mean loss among :data:`EVALUATION_BATCH` rows at a time, embeddings and labels of all, by length.
    """
    import torch

    model.eval()
    losses, embeddings, labels = 0.0, [], []
    with torch.inference_mode():
        for _, batch in sorted_batches(rows, EVALUATION_BATCH, device):
            embeddings.append(objective.embed(model, batch))
            labels.append(batch.labels)
            loss = objective.loss_of_embeddings(model, embeddings[-1], labels[-1])
            losses += float(loss) * len(labels[-1])
    return losses / len(rows), torch.cat(embeddings), torch.cat(labels)


def random_state(dropout: CheapDropout | None) -> tuple[Any, ...]:
    """Where all generators stand that a forward pass may draw from."""
    import torch

    device = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return torch.get_rng_state(), device, dropout.state if dropout is not None else None


def restore_random_state(state: tuple[Any, ...], dropout: CheapDropout | None) -> None:
    """Put all generators back to where :func:`random_state` found them."""
    import torch

    cpu, device, source = state
    torch.set_rng_state(cpu)
    if device is not None:
        torch.cuda.set_rng_state(device)
    if dropout is not None:
        dropout.state = source
