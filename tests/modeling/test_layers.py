"""Layers are found and dropped in every family of encoders, and the student is saved as what it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.modeling.classifier import load_classifier, position_limit, save_classifier
from fitwright.modeling.layers import count_layers, keep_layers, layer_list, spread

SMALL = {
    "vocab_size": 100, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 40, "num_labels": 3,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {}, "roberta": {}, "mpnet": {}, "electra": {"embedding_size": 16},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
    "distilbert": {"dim": 16, "n_layers": 4, "n_heads": 2, "hidden_dim": 24},
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # DeBERTa, when imported


def build(family: str) -> Any:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_config(
        AutoConfig.for_model(family, **{**SMALL, **FAMILIES[family]})
    ).eval()


def logits(model: Any) -> torch.Tensor:
    ids_BT = torch.arange(5, 25).reshape(2, 10)
    mask_BT = torch.ones_like(ids_BT)
    mask_BT[1, 6:] = 0
    with torch.inference_mode():
        return model(input_ids=ids_BT, attention_mask=mask_BT).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_a_student_answers_and_survives_saving(family: str, encoder_dir: Path, tmp_path: Path) -> None:
    teacher = build(family)
    before = logits(teacher)
    assert count_layers(teacher) == 4
    student = keep_layers(teacher, (0, 3)).eval()
    assert count_layers(student) == student.config.num_hidden_layers == 2
    assert sum(p.numel() for p in student.parameters()) < sum(p.numel() for p in teacher.parameters())
    answer = logits(student)
    assert answer.shape == (2, 3)
    assert not torch.allclose(answer, before, atol=1e-7)
    assert torch.equal(logits(teacher), before)
    assert count_layers(teacher) == 4

    save_classifier(student, encoder_dir, tmp_path)
    again = load_classifier(tmp_path, ("a", "b", "c")).eval()
    assert count_layers(again) == 2
    assert torch.allclose(logits(again), answer, atol=1e-6)
    assert (tmp_path / "tokenizer.json").is_file()


@pytest.mark.parametrize("family", FAMILIES)
def test_keeping_every_layer_changes_nothing(family: str) -> None:
    teacher = build(family)
    assert torch.equal(logits(keep_layers(teacher, (0, 1, 2, 3)).eval()), logits(teacher))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_student_shares_no_weights_with_its_teacher(family: str) -> None:
    teacher = build(family)
    before = logits(teacher)
    with torch.no_grad():
        for weight in keep_layers(teacher, (1, 2)).parameters():
            weight.zero_()
    assert torch.equal(logits(teacher), before)


def test_layers_that_are_shared_or_several_stacks_are_refused() -> None:
    from transformers import AlbertConfig, AlbertForSequenceClassification

    albert = AlbertForSequenceClassification(
        AlbertConfig(
            vocab_size=100,
            embedding_size=16,
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=24,
        )
    )
    with pytest.raises(UsageError, match="cannot be dropped; got 'albert'"):
        layer_list(albert)


@given(st.integers(1, 48).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_kept_layers_rise_evenly_and_end_with_the_last(numbers: tuple[int, int]) -> None:
    layers, keep = numbers
    kept = spread(layers, keep)
    assert len(kept) == keep
    assert kept[-1] == layers - 1
    steps = [b - a for a, b in pairwise(kept)]
    assert all(step >= 1 for step in steps)
    assert max(steps, default=1) - min(steps, default=1) <= 1
    assert keep == 1 or kept[0] == 0


@pytest.mark.parametrize("keep", [0, 7, -1])
def test_more_layers_than_there_are_cannot_be_kept(keep: int) -> None:
    with pytest.raises(UsageError, match="allowed: 1 to 6"):
        spread(6, keep)


def test_a_head_of_another_size_is_made_anew_and_named(tiny_model_dir: Path) -> None:
    model = load_classifier(tiny_model_dir, ("a", "b", "c", "d"))
    assert model.config.id2label == {0: "a", 1: "b", 2: "c", 3: "d"}
    assert logits(model.eval()).shape == (2, 4)
    assert position_limit(model, 512) == 128
    assert position_limit(model, 64) == 64


def test_positions_that_a_family_does_not_count_from_zero() -> None:
    """RoBERTa's table has padding_idx + 1 rows that no token may use."""
    model = build("roberta")
    limit = position_limit(model, 512)
    ids_BT = torch.full((1, limit), 7)
    with torch.inference_mode():
        assert model(input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT)).logits.shape == (1, 3)
