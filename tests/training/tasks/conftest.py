from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.tasks.cases import BAD, CHINESE, GOOD, THINGS, verdicts


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers, 32 wide, random weights, with a word-piece tokenizer of 300 pieces of its own."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "small"
    tokenizer = BertWordPieceTokenizer()
    texts = [text for text, _ in verdicts()] + [*GOOD, *BAD, *THINGS, CHINESE]
    tokenizer.train_from_iterator(texts, vocab_size=300, min_frequency=1, show_progress=False)
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
