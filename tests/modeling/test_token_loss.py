"""Loss and gradient in one walk are those of torch; GELU in one pass is what models write out."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers.activations import ACT2FN

from fitwright.modeling import token_loss
from fitwright.modeling.activations import one_pass_activations


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_and_gradient_are_those_of_torch(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_loss, "_CACHED", 3 * 2000)  # parts of three rows, the last of one
    torch.manual_seed(0)
    values, labels = (20 * torch.randn(10, 2000)).to(dtype), torch.randint(0, 2000, (10,))
    ours, theirs = (values.clone().requires_grad_() for _ in range(2))
    found = token_loss.summed_cross_entropy(ours, labels)
    assert type(found.grad_fn).__name__ == "_OneWalkBackward"
    expected = cross_entropy(theirs.float(), labels, reduction="sum")
    (3 * found).backward()
    (3 * expected).backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("name", ["gelu_new", "gelu_fast"])
def test_activations_in_one_pass(name: str) -> None:
    layer = nn.Sequential(ACT2FN[name])
    values = torch.linspace(-6, 6, 1001)
    written_out = layer(values)
    with one_pass_activations([layer, layer]):
        torch.testing.assert_close(layer(values), written_out, rtol=1e-5, atol=1e-6)
        assert "forward" in vars(layer[0])
    assert "forward" not in vars(layer[0])
