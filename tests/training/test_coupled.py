"""Losses that couple rows: the cached gradient is that of the whole step, dropout included."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from fitwright.modeling.dropout import CheapDropout, cheap_dropout
from fitwright.training.contrast import contrast, found
from fitwright.training.coupled import Coupled, coupled_gradients
from fitwright.training.distributed.team import Team
from fitwright.training.distributed.world import World
from fitwright.training.tasks.sentence_similarity import own_and_hidden


class Contrast:
    """Rows hold two things each; every first one has to find its second."""

    def embed(self, model: nn.Module, batch: Any) -> torch.Tensor:
        return nn.functional.normalize(model(batch.inputs), dim=-1)

    def loss_of_embeddings(
        self, model: nn.Module, embeddings: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        first, second = embeddings.unbind(1)
        return contrast(first, second, labels, model[-1].weight.norm())  # the loss has weights of its own


def scene() -> tuple[nn.Sequential, list[Any]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 4))
    inputs = torch.randn(7, 2, 6)
    parts = [
        SimpleNamespace(inputs=inputs[rows], labels=torch.tensor(rows))
        for rows in ([0, 1, 2], [3, 4], [5, 6])
    ]
    return model, [partial(lambda part: part, part) for part in parts]


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("cheap", [True, False])
def test_parts_have_the_gradient_of_the_whole_step_with_the_same_dropout(cheap: bool) -> None:
    def run(source: CheapDropout | None, model: nn.Module, *, cached: bool) -> tuple[float, torch.Tensor]:
        torch.manual_seed(7)
        if source is not None:
            source.start_step(3)
        if cached:
            loss = coupled_gradients(
                Contrast(),
                model,
                parts,
                nullcontext,
                source,
                lambda _: None,
                torch.Tensor.backward,
                Team(world=World()),
            )
        else:  # all parts at once, one after the other as to random bits
            batches = [part() for part in parts]
            rows = torch.cat([Contrast().embed(model, batch) for batch in batches])
            whole = Contrast().loss_of_embeddings(model, rows, torch.cat([b.labels for b in batches]))
            whole.backward()
            loss = float(whole.detach())
        after = torch.rand(1) if source is None else torch.from_numpy(source._generator.random(1))
        return loss, after

    results = []
    for cached in (False, True):
        model, parts = scene()
        if cheap:
            with cheap_dropout(model, seed=1) as source:
                results.append((*run(source, model, cached=cached), gradients(model)))
        else:
            results.append((*run(None, model, cached=cached), gradients(model)))
    (loss, after, expected), (found_loss, found_after, found_gradients) = results
    assert isinstance(Contrast(), Coupled)
    assert found_loss == pytest.approx(loss, rel=1e-6)
    assert torch.equal(found_after, after)  # what the next step draws does not depend on the parts
    for mine, theirs in zip(found_gradients, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_copies_of_the_own_text_are_no_negatives() -> None:
    # rows: anchor, positive, negative; the second row's positive is the first's, its negative its own anchor
    own, hidden = own_and_hidden(torch.tensor([[0, 1, 2], [3, 1, 3]]))
    assert own.tolist() == [0, 2]
    assert hidden.tolist() == [[False, False, True, False], [True, False, False, True]]


def test_the_contrast_is_the_cross_entropy_worked_out_by_hand() -> None:
    queries, candidates = torch.eye(2), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    loss = contrast(queries, candidates, torch.tensor([0, 1]), 1.0)
    # row 1: 1 against 0.6; row 2: 0 against 0.8
    assert float(loss) == pytest.approx((0.513015 + 0.371101) / 2, abs=1e-5)
    alone = contrast(
        queries, candidates, torch.tensor([0, 1]), 1.0, torch.tensor([[False, True], [True, False]])
    )
    assert float(alone) == 0
    names = torch.tensor([[0], [1]])
    assert found(queries, candidates, names, names) == 2
    assert found(queries, candidates.flip(0), names, names) == 0
