from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest

from tests.training.tasks.cases import BAD, CHINESE, GOOD, THINGS, verdicts


def pieces() -> list[str]:
    """Special tokens, characters, their continuations, and the words of the cases; fewer than 300."""
    texts = [text for text, _ in verdicts()] + [*GOOD, *BAD, *THINGS, "im start end user assistant system"]
    words = {word for text in texts for word in text.lower().split() if word.isalpha() and len(word) > 1}
    letters = string.ascii_lowercase + string.digits
    marks = [*"<|>_.,?!'-", *sorted(set(CHINESE))]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return [*special, *letters, *marks, *(f"##{letter}" for letter in letters), *sorted(words)]


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers, 32 wide, random weights, with a word-piece tokenizer of its own.

    Its pieces are listed, not trained: training breaks ties by chance.
    """
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "small"
    tokenizer = BertWordPieceTokenizer(vocab={piece: place for place, piece in enumerate(pieces())})
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    BertTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=64).save_pretrained(
        folder
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def from_config(folder: Path, config: Any, tokenizer: Path | None = None) -> Path:
    """A folder with a config alone, from which training draws the weights, and perhaps a tokenizer."""
    config.save_pretrained(folder)
    if tokenizer is not None:
        from transformers import PreTrainedTokenizerFast

        special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "eos_token": "[SEP]"}
        PreTrainedTokenizerFast(
            tokenizer_file=str(tokenizer / "tokenizer.json"), model_max_length=64, **special
        ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a ViT of 2 layers, 32 wide, for images of 16 by 16 pixels."""
    from transformers import ViTConfig

    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=16,
        patch_size=8,
    )  # fmt: skip
    return from_config(tmp_path_factory.mktemp("models") / "vision", config)


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory, small_encoder: Path) -> Path:
    """The config of a CLIP of 2 and 2 layers, 32 wide."""
    from transformers import CLIPConfig

    body = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**body, "vocab_size": 300, "eos_token_id": 3, "max_position_embeddings": 64}
    config = CLIPConfig(
        text_config=text, vision_config={**body, "image_size": 16, "patch_size": 8}, projection_dim=32
    )
    return from_config(tmp_path_factory.mktemp("models") / "clip", config, small_encoder)


@pytest.fixture(scope="session")
def small_t5(tmp_path_factory: pytest.TempPathFactory, small_encoder: Path) -> Path:
    """The config of a T5 of 2 and 2 layers, 32 wide."""
    from transformers import T5Config

    config = T5Config(
        vocab_size=300, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, pad_token_id=0,
        eos_token_id=3, decoder_start_token_id=0,
    )  # fmt: skip
    return from_config(tmp_path_factory.mktemp("models") / "t5", config, small_encoder)


@pytest.fixture(scope="session")
def small_writer(tmp_path_factory: pytest.TempPathFactory, small_encoder: Path) -> Path:
    """A GPT-2 of 2 layers, 32 wide, with random weights; its tokenizer has no chat template."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=2, eos_token_id=3,
        pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "writer"
    GPT2LMHeadModel(config).save_pretrained(folder)
    return from_config(folder, config, small_encoder)
