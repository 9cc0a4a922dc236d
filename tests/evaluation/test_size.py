from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.evaluation.size import count_parameters, engine_bytes, measure_size


def test_the_weights_or_graph_file_alone_counts(tiny_bundle: Path) -> None:
    graph = tiny_bundle / "engines/onnxruntime/model.onnx"
    assert engine_bytes(tiny_bundle, "onnxruntime") == graph.stat().st_size
    assert engine_bytes(tiny_bundle, "torch") == (tiny_bundle / "model.safetensors").stat().st_size
    assert measure_size(tiny_bundle, "torch").origin == "exact"


def test_an_engine_that_is_not_there_is_a_usage_error(tiny_model_dir: Path) -> None:
    with pytest.raises(UsageError, match="onnxruntime"):
        engine_bytes(tiny_model_dir, "onnxruntime")


def test_parameters_are_those_of_the_model(tiny_model_dir: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_model_dir)
    assert count_parameters(tiny_model_dir) == sum(weight.numel() for weight in model.parameters())
    assert count_parameters(tmp_path) is None
