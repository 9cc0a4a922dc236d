"""A layer computed as one function answers and learns as its modules do, and steps aside where it must."""

from __future__ import annotations

import pytest
import torch

from fitwright.modeling.dropout import CheapDropout, cheap_dropout
from fitwright.modeling.packing import fused
from fitwright.modeling.packing.encoder_layer import EncoderLayer, LayerCall
from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.packing.model import PackedModel
from tests.modeling.packing.families import padded, tiny


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "electra"])
def test_logits_and_gradients_of_a_fused_model(family: str) -> None:
    model, inputs = tiny(family), padded(family)
    expected = _learn(model, inputs)
    packing = PackedModel(model, multiple=16)
    assert packing.fused
    found = _learn(model, inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("lengths", [(2, 2, 2), (1, 3, 2)])
def test_gradient_with_dropout_is_that_of_the_function(lengths: tuple[int, ...]) -> None:
    layout = RowLayout.of(torch.arange(3) < torch.tensor(lengths)[:, None], multiple=4)
    layer = torch.nn.Linear(1, 1)  # somebody's dropout layers have to be replaced
    shapes = [(4, 4), (4,)] * 4 + [(4,), (4,), (6, 4), (6,), (4, 6), (4,), (4,), (4,)]
    torch.manual_seed(0)
    given = [torch.randn(layout.tokens, 4), *(torch.randn(shape) for shape in shapes)]
    given = [tensor.double().requires_grad_() for tensor in given]
    call = LayerCall(places=layout.places(2), scale=0.7, rates=(0.3, 0.2, 0.4), epsilons=(1e-5, 1e-5))
    with cheap_dropout(layer, seed=1) as source:

        def answer(*tensors: torch.Tensor) -> torch.Tensor:
            source.start_step(3)
            out: torch.Tensor = EncoderLayer.apply(tensors[0], call, *tensors[1:])
            return out[: layout.real_tokens]

        assert torch.autograd.gradcheck(answer, given, fast_mode=True)


def test_frozen_weights_get_no_gradient_and_the_rest_the_same() -> None:
    model, inputs = tiny("bert"), padded("bert")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("query" in name or "output.dense.bias" in name or "classifier" in name)
    expected = _learn(model, inputs)
    PackedModel(model)
    found = _learn(model, inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


def test_dropout_changes_with_the_step_alone() -> None:
    model, inputs = tiny("bert").train(), padded("bert")
    PackedModel(model)
    with cheap_dropout(model, seed=0) as source:
        first, again, other = (_logits(model, inputs, source, step) for step in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_rows_that_are_computed_in_pieces_answer_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = tiny("bert"), padded("bert")
    expected = _learn(model, inputs)
    monkeypatch.setattr("fitwright.modeling.packing.places.CHUNK_SCORES", 1)  # one row at a time
    PackedModel(model)
    found = _learn(model, inputs)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


def test_a_layer_that_is_not_built_so_keeps_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("bert")
    layer = model.bert.encoder.layer[1]
    layer.attention.self.query = torch.nn.Sequential(layer.attention.self.query)  # as an adapter would
    assert not PackedModel(model).fused
    seen: list[int] = []
    model = tiny("bert")
    PackedModel(model)
    monkeypatch.setattr(fused, "PLAIN_UP_TO", 8)  # long rows without dropout: torch's kernel
    model.bert.encoder.layer[0].attention.self.register_forward_hook(lambda *_: seen.append(1))
    model(**padded("bert"))
    assert seen == [1]


def _learn(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    model.zero_grad()
    logits = model(**inputs).logits
    logits.square().mean().backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach()} | gradients


def _logits(
    model: torch.nn.Module, inputs: dict[str, torch.Tensor], source: CheapDropout, step: int
) -> torch.Tensor:
    source.start_step(step)
    logits: torch.Tensor = model(**inputs).logits
    return logits.detach()
