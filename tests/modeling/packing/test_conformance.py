"""Every family: packed rows give the padded model's answers, hidden states and gradients, or are refused."""

from __future__ import annotations

import pytest
import torch

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.model import PackedModel
from tests.modeling.packing.families import CLASSIFIERS, PAIRS, REFUSED, answers, padded, tiny


@pytest.mark.parametrize("family", [*CLASSIFIERS, *PAIRS])
def test_packed_rows_answer_as_padded_ones(family: str) -> None:
    model, inputs = tiny(family), padded(family)
    expected = answers(model, inputs)
    packing = PackedModel(model, multiple=16)
    found = answers(model, inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
    packing.remove()
    again = answers(model, inputs)
    assert all(torch.equal(again[name], value) for name, value in expected.items())


def test_a_model_that_fails_by_itself_stays_padded() -> None:
    model = tiny("llama")
    model.config.pad_token_id = None  # then it takes one row at a time
    with pytest.raises(UsageError, match="Cannot handle batch sizes"):
        PackedModel(model)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # DeBERTa's own
@pytest.mark.parametrize("family", REFUSED)
def test_what_cannot_be_packed_is_refused_and_left_as_it_was(family: str) -> None:
    model, inputs = tiny(family), padded(family)
    expected = answers(model, inputs)["logits"]
    with pytest.raises(UsageError, match=r"cannot be exchanged|do not support"):
        PackedModel(model)
    assert torch.equal(answers(model, inputs)["logits"], expected)
