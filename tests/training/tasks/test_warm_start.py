"""An encoder and a decoder that were trained apart learn to work together."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from fitwright.api.train import train
from fitwright.core.errors import UsageError
from fitwright.modeling.starts import start_of
from fitwright.modeling.warm_start import pair_limit
from fitwright.training.directory import read_history
from fitwright.training.settings import TrainSettings
from tests.training.tasks.more_cases import backwards


def test_a_pair_keeps_both_models_and_learns(small_encoder: Path, small_writer: Path, tmp_path: Path) -> None:
    name = f"{small_encoder}+{small_writer}"
    folder = start_of(name)
    pair, encoder, decoder = (
        load_file(one / "model.safetensors") for one in (folder, small_encoder, small_writer)
    )
    kept = {f"encoder.{k}": v for k, v in encoder.items()} | {f"decoder.{k}": v for k, v in decoder.items()}
    assert all((pair[key] == kept[key]).all() for key in kept if key in pair)
    assert sum(key in pair for key in kept) > 40
    assert any("cross" in key for key in pair)
    assert start_of(name) == folder
    settings = TrainSettings(epochs=2, batch_size=8, learning_rate=5e-3, precision="fp32", max_length=32)
    out = train(
        backwards(tmp_path), model=name, output=tmp_path / "out", task="sequence-to-sequence",
        options={"written": 2}, settings=settings,
    )  # fmt: skip
    points = read_history(out).points
    assert points[-1].train_loss < 0.9 * points[0].train_loss
    assert (out / "decoder_tokenizer" / "tokenizer.json").is_file()


def test_a_pair_reads_and_writes_no_further_than_its_positions() -> None:
    encoder = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    assert pair_limit({"encoder": encoder, "decoder": {"n_positions": 1024}}, 2048) == 512
    assert pair_limit({"encoder": encoder, "decoder": {"n_positions": 300}}, 2048) == 300
    assert pair_limit({"max_position_embeddings": 64}, 128) == 128  # no pair: asked of the model itself


def test_what_cannot_be_joined_is_said(small_encoder: Path) -> None:
    with pytest.raises(UsageError, match="a pair is two models"):
        start_of(f"{small_encoder}+{small_encoder}+{small_encoder}")
