"""A window in long rows: the same answers packed, padded and by transformers alone, and kept by the model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from fitwright.core.errors import UsageError
from fitwright.modeling.local_attention import LocalAttention, local_attention_of, use_local_attention
from fitwright.modeling.packing import scores
from fitwright.modeling.packing.model import PackedModel
from fitwright.modeling.pretrained import load_pretrained, save_pretrained
from tests.modeling.packing.families import LENGTHS, answers, padded, tiny
from tests.modeling.packing.kernels import lend_kernel

LOCAL = LocalAttention(window=3, above=9)


def sharp(family: str) -> PreTrainedModel:
    """A model to which it matters whom it sees."""
    model = tiny(family)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight *= 4
    return model


def local(family: str) -> PreTrainedModel:
    model = sharp(family)
    use_local_attention(model, LOCAL)
    return model


def by_hand(model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The logits with a mask written out and plain attention: row by row, what is stated."""
    found = []
    for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True):
        n = int(mask.sum())
        near = (torch.arange(n)[:, None] - torch.arange(n)).abs() <= LOCAL.window
        near[0] = near[:, 0] = True
        near |= torch.tensor(n <= LOCAL.above)
        bias = torch.zeros(n, n).masked_fill(~near, torch.finfo(torch.float32).min)
        model.set_attn_implementation("eager")
        found.append(model(input_ids=ids[None, :n], attention_mask=bias[None, None]).logits[0])
    return torch.stack(found)


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_padded_rows_see_the_window_and_the_first_token(family: str) -> None:
    inputs = padded(family)
    found = local(family)(**inputs).logits
    torch.testing.assert_close(found, by_hand(sharp(family), inputs), rtol=1e-4, atol=1e-4)
    full, short = sharp(family)(**inputs).logits, torch.tensor(LENGTHS) <= LOCAL.above
    torch.testing.assert_close(found[short], full[short], rtol=1e-4, atol=1e-4)
    assert ((found - full).abs().amax(1) > 0.01)[~short].all()


@pytest.mark.filterwarnings("ignore:flex_attention called without", "ignore:`torch.jit.script")
@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize(
    ("family", "backend"), [("bert", "grouped"), ("distilbert", "grouped"), ("distilbert", "flex")]
)
def test_packed_rows_answer_as_padded_ones(
    family: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend_kernel(backend, monkeypatch)
    monkeypatch.setattr("fitwright.modeling.packing.backends.local_rows.SMALLEST_BLOCK", 4)
    monkeypatch.setattr(scores, "PLAIN_UP_TO", 20)  # the longest row takes torch's kernel
    model, inputs = local(family), padded(family)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    expected = answers(model, inputs)
    packing = PackedModel(model, multiple=16, backend=backend)
    found = answers(model, inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
    logits = model(**inputs).logits  # without hidden states: fused, and the last layer for first tokens alone
    torch.testing.assert_close(logits, expected["logits"], rtol=1e-5, atol=1e-5)
    packing.remove()
    assert local_attention_of(model.config) == LOCAL


def test_long_rows_drop_weights_at_the_asked_rate() -> None:
    from fitwright.modeling.packing.backends.local_rows import attend_locally

    torch.manual_seed(0)
    even = torch.zeros(2, 16, 100, 8)
    answer = attend_locally(even, even, torch.ones_like(even), None, 5, 0.5, 1.0)
    assert abs(float(answer.mean()) - 1) < 0.05
    assert float(answer.std()) > 0.1


def test_a_saved_model_keeps_it_and_transformers_alone_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AttentionInterface

    model, inputs = local("bert"), padded("bert")
    save_pretrained(model, tmp_path)
    monkeypatch.delitem(AttentionInterface._global_mapping, "fitwright_local")
    with pytest.raises(ValueError, match="fitwright_local"):
        AutoModelForSequenceClassification.from_pretrained(tmp_path)
    again = load_pretrained("AutoModelForSequenceClassification", tmp_path, "a classifier").eval()
    assert local_attention_of(again.config) == LOCAL
    torch.testing.assert_close(again(**inputs).logits, model(**inputs).logits)


@pytest.mark.parametrize("family", ["llama", "bart", "modernbert", "mpnet"])
def test_other_models_are_refused_and_left_as_they_were(family: str) -> None:
    model = tiny(family)
    before = model.config._attn_implementation
    with pytest.raises(UsageError, match=r"cannot attend within a window.*--attention-window"):
        use_local_attention(model, LOCAL)
    assert model.config._attn_implementation == before
    assert local_attention_of(model.config) is None
