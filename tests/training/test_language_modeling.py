"""Language modelling, causal and masked, from a configuration alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import fitwright
from fitwright.modeling.comparison import compare_weights
from fitwright.spec.manifest import Manifest
from fitwright.training.directory import read_history
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.blocks import CausalBlocks, MaskedBlocks, Masking
from fitwright.training.tasks.next_token import IGNORED

CONFIGS = {
    "causal": {
        "model_type": "llama", "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1,
    },
    "masked": {
        "model_type": "bert", "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32, "pad_token_id": 1,
    },
}  # fmt: skip
SETTINGS = TrainSettings(
    epochs=2, batch_size=8, max_length=32, learning_rate=3e-3, precision="fp32", test=0.1, dropout=0.0
)


@pytest.fixture
def corpus(sentences: list[tuple[str, str]], tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(text for text, _ in sentences[:160]), encoding="utf-8")
    return path


def config(kind: str, folder: Path) -> str:
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(CONFIGS[kind]), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_from_scratch_learns_and_comes_out_the_same_again(kind: str, corpus: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = fitwright.train(
        corpus, model=config(kind, tmp_path), output=tmp_path / "lm", task=f"{kind}-language-modeling",
        settings=SETTINGS,
    )  # fmt: skip
    history = read_history(folder)
    assert history.points[-1].validation_loss < np.log(300)
    assert history.metric == "loss"
    assert history.best.score == min(point.score for point in history.points)
    assert Manifest.read(folder).task == f"{kind}-language-modeling"
    assert len(AutoTokenizer.from_pretrained(folder)) == 300
    AutoModel.from_pretrained(folder)
    found = fitwright.reproduce(folder, data=corpus, output=tmp_path / "again")
    assert found.identical


def test_more_training_starts_from_the_weights_of_a_folder(corpus: Path, tmp_path: Path) -> None:
    given = {"task": "causal-language-modeling", "settings": SETTINGS}
    first = fitwright.train(corpus, model=config("causal", tmp_path), output=tmp_path / "first", **given)
    second = fitwright.train(corpus, model=str(first), output=tmp_path / "second", **given)
    assert read_history(second).points[0].validation_loss < read_history(first).points[0].validation_loss
    assert compare_weights(first, second).different


def test_causal_blocks_have_a_target_at_every_place() -> None:
    stream = np.arange(101, dtype=np.uint16)
    rows = CausalBlocks(blocks=np.lib.stride_tricks.sliding_window_view(stream, 11)[::10])
    batch = rows.batch([3, 0], torch.device("cpu"))
    assert batch.inputs["input_ids"][0].tolist() == list(range(30, 40))
    assert torch.equal(batch.labels, batch.inputs["input_ids"] + 1)
    assert (batch.counts.tokens, batch.counts.targets) == (20, 20)


def test_masks_follow_from_seed_epoch_and_block_alone() -> None:
    blocks = np.random.default_rng(0).integers(5, 90, (4, 20)).astype(np.uint16)
    masking = Masking(share=0.25, mask_id=4, vocabulary=90, seed=3)
    rows = MaskedBlocks(blocks=blocks, before=(1,), after=(2,), masking=masking)
    device = torch.device("cpu")
    alone, among = rows.batch([2], device, epoch=1), rows.batch([0, 2, 3], device, epoch=1)
    assert torch.equal(alone.inputs["input_ids"][0], among.inputs["input_ids"][1])
    assert not torch.equal(alone.labels, rows.batch([2], device, epoch=2).labels)
    targets = alone.labels[0] != IGNORED
    assert int(targets.sum()) == rows.hidden == 5
    assert not targets[[0, -1]].any()  # special tokens are never hidden
    assert alone.labels[0][targets].tolist() == blocks[2][targets[1:-1].numpy()].tolist()
    assert (alone.inputs["input_ids"][0][~targets][1:-1] >= 5).all()
