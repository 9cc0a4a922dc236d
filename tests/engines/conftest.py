"""One tiny classifier as a plain model directory and as a bundle with an ONNX graph made from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fitwright.core.files import sha256_file
from fitwright.spec.manifest import Manifest


def export_onnx(model_dir: Path, path: Path) -> None:
    """Export ``model_dir`` to ``path`` with free batch and sequence sizes."""
    import warnings

    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(model_dir).eval()
    input_ids = torch.randint(5, 1000, (2, 12))
    attention_mask = torch.ones(2, 12, dtype=torch.int64)
    attention_mask[1, 8:] = 0  # all ones, and transformers leaves the mask out of the traced graph
    path.parent.mkdir(parents=True)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            model, kwargs={"input_ids": input_ids, "attention_mask": attention_mask}, f=path, dynamo=True,
            external_data=False, dynamic_shapes={"input_ids": free, "attention_mask": free}, verbose=False,
            input_names=["input_ids", "attention_mask"], output_names=["logits"],
        )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Path:
    """The tiny model with ``engines/onnxruntime/model.onnx`` and a manifest that serves from it."""
    bundle = tmp_path_factory.mktemp("bundles") / "tiny-bundle"
    shutil.copytree(tiny_model_dir, bundle)
    graph = "engines/onnxruntime/model.onnx"
    export_onnx(tiny_model_dir, bundle / graph)
    entry = {"path": graph, "precision": "fp32", "sha256": sha256_file(bundle / graph)}
    Manifest(
        kind="bundle", stage="export", task="text-classification", labels=("negative", "positive"),
        engines={"onnxruntime": entry}, default_engine="onnxruntime", max_length=64,
    ).write(bundle)  # fmt: skip
    return bundle
