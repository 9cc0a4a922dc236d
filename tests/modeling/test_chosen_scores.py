"""Scores at chosen places alone are those that the whole model gives there, and so are the gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import nn

from fitwright.modeling.chosen_scores import chosen_scores
from tests.modeling.packing.families import CLASSIFIERS, PAIRS, REFUSED, padded

MASKED = ("bert", "roberta", "electra", "albert", "distilbert", "modernbert", "mpnet")
CAUSAL = ("llama", "mistral", "qwen2", "gpt2", "gpt-neox", "opt", "gemma2")
_MADE_BY = {
    "masked": transformers.AutoModelForMaskedLM,
    "causal": transformers.AutoModelForCausalLM,
    "pair": transformers.AutoModelForSeq2SeqLM,
}


def tiny(kind: str, family: str) -> Any:
    name, settings = (CLASSIFIERS | REFUSED | PAIRS)[family]
    torch.manual_seed(0)
    return _MADE_BY[kind].from_config(getattr(transformers, name)(**settings)).eval()


@pytest.mark.parametrize(
    ("kind", "family"),
    [("masked", f) for f in MASKED] + [("causal", f) for f in CAUSAL] + [("pair", f) for f in PAIRS],
)
def test_every_family(kind: str, family: str) -> None:
    model, inputs = tiny(kind, family), padded(family)
    chosen = (torch.arange(inputs["input_ids"].numel()).view_as(inputs["input_ids"]) % 5 == 0) & (
        inputs.get("decoder_attention_mask", inputs["attention_mask"]) == 1
    )
    head, rows = model.get_output_embeddings(), list[int]()
    watch = head.register_forward_hook(lambda _, given, __: rows.append(given[0].shape[:-1].numel()))

    def learn(scores: torch.Tensor) -> dict[str, torch.Tensor]:
        model.zero_grad()
        scores.square().sum().backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    whole = model(**inputs).logits[chosen]
    expected = learn(whole)
    found = chosen_scores(model, inputs, chosen)
    assert rows[-1] == int(chosen.sum()), "the head computed more than was asked for"
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
    for name, gradient in learn(found).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-4, msg=name)
    watch.remove()


def test_a_head_that_mixes_places_computes_them_all() -> None:
    """Then all scores are computed, and the answer is still right."""
    model, inputs = tiny("masked", "bert"), padded("bert")

    class Mixing(nn.Linear):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return super().forward(hidden) - hidden.mean()

    torch.manual_seed(0)
    model.set_output_embeddings(Mixing(32, 100))
    chosen = torch.zeros_like(inputs["input_ids"], dtype=torch.bool)
    chosen[0, :4] = True
    torch.testing.assert_close(chosen_scores(model, inputs, chosen), model(**inputs).logits[chosen])
