"""Which engine a directory gives, and what every broken one says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.engines.loading import available_engines, load_engine
from fitwright.spec.manifest import Manifest


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def test_a_model_directory_has_torch_and_a_bundle_has_both(tiny_model_dir: Path, tiny_bundle: Path) -> None:
    assert available_engines(tiny_model_dir) == ("torch",)
    assert available_engines(tiny_bundle) == ("torch", "onnxruntime")


def test_default_engine_is_the_manifests_then_torch(tiny_model_dir: Path, tiny_bundle: Path) -> None:
    assert load_engine(tiny_bundle).name == "onnxruntime"
    assert load_engine(tiny_model_dir).name == "torch"


def test_without_weights_the_only_engine_serves(bundle: Path) -> None:
    (bundle / "model.safetensors").unlink()
    (bundle / "fitwright.json").unlink()
    assert available_engines(bundle) == ("onnxruntime",)
    engine = load_engine(bundle)
    assert (engine.name, engine.precision) == ("onnxruntime", "unknown")


def test_bf16_torch_comes_from_the_manifest(bundle: Path) -> None:
    from dataclasses import replace

    replace(Manifest.read(bundle), engines={"torch": {"precision": "bf16"}}, default_engine="torch").write(
        bundle
    )
    assert load_engine(bundle).precision == "bf16"


@pytest.mark.parametrize("name", ["openvino", "Torch", "tensorrt"])
def test_unknown_engine_lists_what_there_is(tiny_bundle: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"got '{name}'; allowed: torch, onnxruntime\."):
        load_engine(tiny_bundle, name)


def test_engine_that_was_not_exported(tiny_model_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"got 'onnxruntime'; allowed: torch\. Run: fitwright export"):
        load_engine(tiny_model_dir, "onnxruntime")


def test_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model directory not found"):
        load_engine(tmp_path / "nowhere")


def test_directory_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a model directory"):
        load_engine(tmp_path)


def test_directory_with_neither_weights_nor_engines(bundle: Path) -> None:
    (bundle / "model.safetensors").unlink()
    shutil.rmtree(bundle / "engines")
    (bundle / "fitwright.json").unlink()
    with pytest.raises(UsageError, match="has no engine"):
        load_engine(bundle)


def test_an_encoder_without_a_head_is_refused(encoder_dir: Path) -> None:
    with pytest.raises(UsageError, match="is no text classifier; got 'BertModel'"):
        load_engine(encoder_dir)


def test_engine_file_that_the_manifest_names_but_is_gone(bundle: Path) -> None:
    (bundle / "engines/onnxruntime/model.onnx").unlink()
    with pytest.raises(UsageError, match="engine file not found"):
        load_engine(bundle)


def test_engine_file_that_was_changed(bundle: Path) -> None:
    graph = bundle / "engines/onnxruntime/model.onnx"
    graph.write_bytes(graph.read_bytes() + b"\0")
    with pytest.raises(RunError, match="SHA-256 differs"):
        load_engine(bundle)


def test_broken_graph_without_a_manifest(bundle: Path) -> None:
    (bundle / "fitwright.json").unlink()
    (bundle / "engines/onnxruntime/model.onnx").write_bytes(b"no graph")
    with pytest.raises(RunError, match="ONNX Runtime cannot open"):
        load_engine(bundle, "onnxruntime")


def test_broken_weights(bundle: Path) -> None:
    (bundle / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunError, match="cannot load the model"):
        load_engine(bundle, "torch")


def test_weights_that_lack_the_head(bundle: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(bundle / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(kept, bundle / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunError, match=r"lack parts of the model: classifier\.bias"):
        load_engine(bundle, "torch")


def test_pickled_weights_are_not_loaded(bundle: Path) -> None:
    (bundle / "model.safetensors").rename(bundle / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"allowed: onnxruntime"):
        load_engine(bundle, "torch")


def test_graph_without_a_mask_is_refused(bundle: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "t"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", "t"])
    cast = helper.make_node("Cast", ["input_ids"], ["logits"], to=TensorProto.FLOAT)
    graph = helper.make_graph([cast], "g", [ids], [logits])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, bundle / "engines/onnxruntime/model.onnx")
    (bundle / "fitwright.json").unlink()
    with pytest.raises(RunError, match="lacks the input 'attention_mask'"):
        load_engine(bundle, "onnxruntime")


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_below_one(tiny_bundle: Path, threads: int) -> None:
    with pytest.raises(UsageError, match="threads must be at least 1"):
        load_engine(tiny_bundle, threads=threads)


def test_config_that_is_not_json(bundle: Path) -> None:
    (bundle / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json cannot be read"):
        load_engine(bundle)


def test_labels_and_length_without_a_manifest(tiny_model_dir: Path, tmp_path: Path) -> None:
    from fitwright.engines.artefact import Artefact

    artefact = Artefact.open(tiny_model_dir)
    assert artefact.labels() == ("negative", "positive")
    assert artefact.max_length_tokens() == 128
    config = {"architectures": ["DistilBertForSequenceClassification"], "num_labels": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    plain = Artefact.open(tmp_path)
    assert plain.labels() == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert plain.max_length_tokens() == 512
