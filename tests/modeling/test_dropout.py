"""Cheap dropout drops at the rate, keeps the mean, and depends on seed and step alone."""

from __future__ import annotations

import math

import pytest
import torch

from fitwright.modeling.dropout import CheapDropout, cheap_dropout, drop


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_mean(rate: float) -> None:
    dropout = CheapDropout(0)
    answer = torch.cat([dropout(torch.ones(333, 301), rate).view(-1) for _ in range(5)])
    dropped = float((answer == 0).float().mean())
    assert abs(dropped - rate) < 4 * math.sqrt(rate * (1 - rate) / answer.numel())
    assert len(answer.unique()) == 2
    assert float(answer.max()) == pytest.approx(1 / (1 - rate), rel=1e-3)
    assert float(answer.max()) * (1 - round(rate * 65536) / 65536) == pytest.approx(1, abs=1e-6)


def test_draws_follow_from_seed_and_step() -> None:
    ones, dropout = torch.ones(64, 64), CheapDropout(7)
    dropout.start_step(3)
    first, second = dropout(ones, 0.5), dropout(ones, 0.5)
    assert not torch.equal(first, second)
    assert (
        abs(float(((first > 0) == (second > 0)).float().mean()) - 0.5) < 0.04
    )  # one tells nothing of the other
    again = CheapDropout(7)
    again.start_step(3)
    assert torch.equal(again(ones, 0.5), first)
    for seed, step in ((7, 4), (8, 3)):
        other = CheapDropout(seed)
        other.start_step(step)
        assert not torch.equal(other(ones, 0.5), first)


def test_gradients_pass_where_values_do() -> None:
    values = torch.randn(50, 50, requires_grad=True)
    answer = CheapDropout(0)(values, 0.3)
    answer.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad * values.detach(), answer.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layers_use_it_in_training_alone_and_get_their_own_back(dtype: torch.dtype) -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Dropout(0.0))
    ones = torch.ones(1000, 4, dtype=dtype)
    before = torch.get_rng_state()
    with cheap_dropout(model, seed=0) as source:
        source.start_step(1)
        first = model(ones)
        source.start_step(1)
        assert torch.equal(model(ones), first)
        assert first.dtype == dtype
        assert 0.4 < float((first == 0).float().mean()) < 0.6
        assert 0.4 < float((drop(ones, 0.5) == 0).float().mean()) < 0.6
        assert torch.equal(model.eval()(ones), ones)
    assert torch.equal(torch.get_rng_state(), before)
    model.train()(ones)
    assert not torch.equal(torch.get_rng_state(), before)
