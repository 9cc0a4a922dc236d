"""Short rows on a CPU are trained with plain attention; the function stays the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fitwright.modeling.attention import SHORT_TOKENS, choose_training_attention
from fitwright.modeling.classifier import load_classifier


@pytest.fixture
def model(tiny_model_dir: Path) -> torch.nn.Module:
    return load_classifier(tiny_model_dir, ("negative", "positive")).eval()


def test_plain_attention_answers_alike(model: torch.nn.Module) -> None:
    ids_BT = torch.randint(1000, 9000, (3, 17))
    mask_BT = torch.ones_like(ids_BT)
    mask_BT[1, 9:] = 0
    before = model(input_ids=ids_BT, attention_mask=mask_BT).logits
    assert choose_training_attention(model, "cpu", 128) == "eager"
    after = model(input_ids=ids_BT, attention_mask=mask_BT).logits
    assert torch.allclose(before, after, atol=1e-6)


@pytest.mark.parametrize(("device", "tokens"), [("cpu", SHORT_TOKENS + 1), ("cuda", 64)])
def test_long_rows_and_accelerators_keep_the_fused_form(
    model: torch.nn.Module, device: str, tokens: int
) -> None:
    assert choose_training_attention(model, device, tokens) == "sdpa"


def test_the_saved_config_does_not_remember_it(model: torch.nn.Module, tmp_path: Path) -> None:
    choose_training_attention(model, "cpu", 64)
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    assert "eager" not in (tmp_path / "config.json").read_text()
