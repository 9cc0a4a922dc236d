"""Corpora, tokenizers trained on them, and blocks of tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fitwright.core.errors import DataError, UsageError
from fitwright.data.content import normalised
from fitwright.data.corpus import read_corpus
from fitwright.data.token_blocks import blocks_of, open_stream, save_stream, stream_of
from fitwright.data.tokenizer_training import END, PAD, save_tokenizer, train_tokenizer


@pytest.fixture
def texts(sentences: list[tuple[str, str]]) -> list[str]:
    return [text for text, _ in sentences[:300]]


def written(kind: str, texts: list[str], folder: Path) -> Path:
    if kind == "folder":
        for number, text in enumerate(texts):
            (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
        return folder
    path = folder / f"corpus.{kind}"
    body = "\n\n".join(texts) if kind == "txt" else "\n".join(["text", *(f'"{t}"' for t in texts)])
    path.write_text(body, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["txt", "csv", "folder"])
def test_a_corpus_is_the_same_in_every_form_and_its_parts_share_no_text(
    kind: str, texts: list[str], tmp_path: Path
) -> None:
    plain = [text.replace('"', "") for text in texts]
    repeated = [*plain, plain[0].upper() + " !", "", plain[1]]
    corpus = read_corpus(written(kind, repeated, tmp_path), held_out=0.1)
    assert corpus.source.duplicates == 2
    assert corpus.source.rows == len(plain)
    parts = [{normalised(text) for text in part} for part in (corpus.training, corpus.held_out)]
    assert not parts[0] & parts[1]
    assert 10 < len(corpus.held_out) < 60
    fewer = read_corpus(written(kind, plain[:200], tmp_path), held_out=0.1)
    if kind != "folder":  # there the other files still lie
        assert set(fewer.held_out) <= set(corpus.held_out)  # no text moves because others came


def test_what_cannot_be_a_corpus_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="too few documents"):
        read_corpus(written("txt", ["one", "two"], tmp_path))
    with pytest.raises(DataError, match="no text files"):
        read_corpus(empty)
    with pytest.raises(UsageError, match="held-out share"):
        read_corpus(tmp_path, held_out=0.9)


def test_the_tokenizer_gives_every_text_back_and_transformers_reads_it(
    texts: list[str], tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    tokenizer = train_tokenizer(texts, 400)
    save_tokenizer(tokenizer, tmp_path, max_length=64)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    odd = "Wörld 你好 <br /> \t\n 🙂"
    assert loaded.decode(loaded(odd)["input_ids"]) == odd
    assert (len(loaded), loaded.eos_token, loaded.pad_token, loaded.model_max_length) == (400, END, PAD, 64)
    with pytest.raises(DataError, match="too small for such a vocabulary"):
        train_tokenizer(["a b c"], 2000)


def test_blocks_hold_the_stream_in_order_with_one_token_more_for_the_last_target(
    texts: list[str], tmp_path: Path
) -> None:
    tokenizer = train_tokenizer(texts, 300)
    stream = stream_of(texts, tokenizer, end=0)
    assert int((stream == 0).sum()) == len(texts)
    assert tokenizer.decode([int(i) for i in stream]) == "".join(texts)
    assert stream.dtype == np.uint16
    save_stream(stream, tmp_path / "train.npy")
    blocks = blocks_of(open_stream(tmp_path / "train.npy"), 16, overlap=1)
    assert blocks.shape == ((len(stream) - 1) // 16, 17)
    assert np.array_equal(blocks[:, :16].ravel(), stream[: len(blocks) * 16])
    assert np.array_equal(blocks[:-1, 16], blocks[1:, 0])
    with pytest.raises(DataError, match="too short for a single block"):
        blocks_of(stream[:10], 16)
    (tmp_path / "train.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="cannot be read"):
        open_stream(tmp_path / "train.npy")
