"""A packed model computes no padding, keeps its dropout, and steps aside where packing has no meaning."""

from __future__ import annotations

import pytest
import torch

from fitwright.core.errors import UsageError
from fitwright.modeling.packing import scores
from fitwright.modeling.packing.attention import attend
from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.packing.mask import PackedMask
from fitwright.modeling.packing.model import PackedModel
from tests.modeling.packing.families import LENGTHS, padded, tiny


@pytest.mark.parametrize(("multiple", "tokens"), [(1, sum(LENGTHS)), (64, 128)])
def test_only_real_tokens_and_the_filler_are_computed(multiple: int, tokens: int) -> None:
    model = tiny("bert")
    PackedModel(model, multiple=multiple)
    seen: list[int] = []
    query = model.bert.encoder.layer[0].attention.self.query
    query.register_forward_hook(lambda _, args, out: seen.append(args[0].numel() // 32))
    model(**padded("bert"))
    assert seen == [tokens]


def test_installing_leaves_modes_and_random_state_alone() -> None:
    model = tiny("bert").train()
    model.bert.embeddings.eval()
    before = torch.get_rng_state()
    PackedModel(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert model.bert.encoder.training
    assert not model.bert.embeddings.training


def test_attention_weights_are_dropped_at_the_asked_rate() -> None:
    layout = RowLayout.of(torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]))
    torch.manual_seed(0)
    even = torch.zeros(1, 64, layout.tokens, 8)  # equal scores: a row's weights are 1 / its length
    answer, _ = attend(
        torch.nn.Module().train(),
        even,
        even,
        torch.ones_like(even),
        PackedMask(layout, layout),
        dropout=0.5,
    )
    kept = answer[0, :, :, 0]
    assert abs(float(kept.mean()) - 1) < 0.05
    thirds = kept[:3] * 3 / 2  # the shortest row comes first: each of its three weights is there or not
    torch.testing.assert_close(thirds, thirds.round())
    assert len(thirds.round().unique()) > 2
    answer, _ = attend(
        torch.nn.Module().eval(),
        even,
        even,
        torch.ones_like(even),
        PackedMask(layout, layout),
        dropout=0.5,
    )
    torch.testing.assert_close(answer, torch.ones_like(answer))


def test_long_rows_take_the_fused_kernel_with_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = tiny("mistral"), padded("mistral")
    expected = model(**inputs).logits
    monkeypatch.setattr(scores, "PLAIN_UP_TO", 4)
    PackedModel(model)
    torch.testing.assert_close(model(**inputs).logits, expected, rtol=1e-5, atol=1e-5)


def test_a_model_that_generates_goes_on_from_its_cache() -> None:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny("llama").config).eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    expected = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False)
    PackedModel(model)
    found = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("mask", [[[0, 1, 1]], [[1, 0, 1]], [[0, 0, 0]]])
def test_rows_with_padding_elsewhere_are_refused(mask: list[list[int]]) -> None:
    with pytest.raises(UsageError, match="padding is on the right"):
        RowLayout.of(torch.tensor(mask))


def test_packing_and_unpacking_keep_every_token() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    layout = RowLayout.of(mask, multiple=16)
    assert (layout.tokens, layout.real_tokens, layout.order) == (16, 8, (1, 0, 2))
    values = torch.arange(12.0).view(3, 4, 1) * mask[..., None]
    assert torch.equal(layout.unpack(layout.pack(values)), values)
    assert layout.position_N[:8].tolist() == [0, 0, 1, 2, 0, 1, 2, 3]
