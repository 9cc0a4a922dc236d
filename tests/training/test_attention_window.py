"""A model that was trained with a window answers with it wherever it is loaded, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.engines.pytorch import TorchEngine
from fitwright.exporting.onnx import export_onnx
from fitwright.modeling.local_attention import LocalAttention, local_attention_of
from fitwright.modeling.packing.model import PackedModel
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings

SETTINGS = TrainSettings(
    epochs=1, learning_rate=5e-3, precision="fp32", max_length=48, attention_window=2,
    attention_window_above=12,
)  # fmt: skip


def test_the_model_keeps_its_window(
    make_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AttentionInterface, pipeline

    folder = train_model(make_job(), SETTINGS, Silent())
    assert read_history(folder).packing == "on"
    card = (folder / "README.md").read_text()
    assert "2 tokens to each side and the first one, in rows above 12" in card
    assert "register_local_attention()" in card
    with pytest.raises(UsageError, match="attends within windows cannot be exported"):
        export_onnx(folder, tmp_path / "model.onnx")
    monkeypatch.delitem(AttentionInterface._global_mapping, "fitwright_local")
    with pytest.raises(ValueError, match="fitwright_local"):
        pipeline("text-classification", model=str(folder))
    engine = TorchEngine.load(folder)
    assert local_attention_of(engine._model.config) == LocalAttention(window=2, above=12)
    rows = np.arange(60).reshape(2, 30) % 50 + 5
    mask = np.arange(30) < np.array([[30], [8]])
    padded = engine.logits(rows, mask.astype(np.int64))
    PackedModel(engine._model)
    np.testing.assert_allclose(engine.logits(rows, mask.astype(np.int64)), padded, atol=1e-5)
