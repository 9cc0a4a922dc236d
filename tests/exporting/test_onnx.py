from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.data.batching import pad
from fitwright.data.tokens import TextTokenizer
from fitwright.engines.loading import load_engine
from fitwright.engines.onnxruntime import OnnxRuntimeEngine
from fitwright.exporting import onnx as export_module
from fitwright.exporting.onnx import ExportResult, export_onnx


@pytest.mark.parametrize("rows", [(0,), (1, 2), (3, 4, 5, 6, 7, 8, 9)])
def test_real_sentences_get_the_same_logits_whatever_their_padding(
    exported: ExportResult, tiny_bundle: Path, sentences: list[tuple[str, str]], rows: tuple[int, ...]
) -> None:
    tokenizer = TextTokenizer.load(tiny_bundle, 64)
    batch = pad(tokenizer.encode([sentences[row][0] for row in rows]), tokenizer.pad_id, multiple=16)
    expected = load_engine(tiny_bundle, "torch").logits(*batch)
    got = OnnxRuntimeEngine.load(exported.path).logits(*batch)
    assert expected.std() > 0 or len(rows) == 1
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_the_result_says_what_was_checked(exported: ExportResult) -> None:
    assert exported.path.is_file()
    assert exported.max_difference <= 1e-4
    assert exported.rows_checked >= 16
    assert exported.seconds > 0


def test_the_file_holds_each_weight_once_and_nothing_of_the_machine_that_made_it(
    exported: ExportResult, tiny_bundle: Path
) -> None:
    weights = (tiny_bundle / "model.safetensors").stat().st_size
    assert exported.path.stat().st_size < weights * 1.05 + 50_000
    text = exported.path.read_bytes()
    assert not re.search(rb"site-packages|\.py\b", text)
    assert [path.name for path in exported.path.parent.iterdir()] == ["model.onnx"]


def test_batch_and_sequence_are_free(exported: ExportResult) -> None:
    graph = onnx.load(exported.path).graph
    assert [given.name for given in graph.input] == ["input_ids", "attention_mask"]
    assert [made.name for made in graph.output] == ["logits"]
    for given in graph.input:
        assert all(size.dim_param for size in given.type.tensor_type.shape.dim)


def with_other_weights(proto: Any) -> Any:
    weight = max(proto.graph.initializer, key=lambda w: len(w.raw_data) if w.data_type == 1 else 0)
    values = np.frombuffer(weight.raw_data, dtype=np.float32) * np.float32(1.01)
    weight.raw_data = values.tobytes()
    return proto


def with_ignored_mask(proto: Any) -> Any:
    """What the exporter makes of an example without padding: the mask is an input that nothing reads."""
    for node in proto.graph.node:
        for place, name in enumerate(node.input):
            if name == "attention_mask":
                node.input[place] = "ones"
    one = onnx.numpy_helper.from_array(np.ones(1, dtype=np.int64))
    proto.graph.node.insert(0, onnx.helper.make_node("ConstantOfShape", ["size"], ["ones"], value=one))
    proto.graph.node.insert(0, onnx.helper.make_node("Shape", ["input_ids"], ["size"]))
    return proto


@pytest.mark.parametrize("damage", [with_other_weights, with_ignored_mask])
def test_a_graph_that_answers_otherwise_is_refused(
    exported: ExportResult, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    monkeypatch.setattr(export_module, "_trace", lambda _model: damage(onnx.load(exported.path)))
    with pytest.raises(RunError, match="does not answer like torch"):
        export_onnx(tiny_bundle, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_undamaged_graph_passes_the_same_way(
    exported: ExportResult, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "_trace", lambda _model: onnx.load(exported.path))
    assert export_onnx(tiny_bundle, tmp_path / "model.onnx").max_difference <= 1e-4


def test_a_folder_without_weights_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        export_onnx(tmp_path, tmp_path / "model.onnx")
