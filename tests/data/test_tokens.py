from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.data.tokens import TextTokenizer

CLS, SEP = 101, 102
TEXTS = ["a good film", "", "很好的电影", "word " * 300, "a\ud800b"]


@pytest.fixture
def bare(tmp_path: Path, encoder_dir: Path) -> Path:
    """A folder with ``tokenizer.json`` alone."""
    shutil.copy(encoder_dir / "tokenizer.json", tmp_path / "tokenizer.json")
    return tmp_path


def test_the_same_ids_as_transformers(encoder_dir: Path) -> None:
    from transformers import AutoTokenizer

    expected = AutoTokenizer.from_pretrained(encoder_dir)(TEXTS[:4], truncation=True, max_length=32)[
        "input_ids"
    ]
    assert TextTokenizer.load(encoder_dir, 32).encode(TEXTS[:4]) == expected


@pytest.mark.parametrize("max_length", [3, 16, 64])
def test_cut_rows_keep_their_special_tokens(encoder_dir: Path, max_length: int) -> None:
    tokenizer = TextTokenizer.load(encoder_dir, max_length)
    rows = tokenizer.encode(TEXTS)
    assert tokenizer.max_length == max_length
    assert all(row[0] == CLS and row[-1] == SEP and len(row) <= max_length for row in rows)
    assert len(rows[3]) == max_length


def test_lengths_are_of_the_whole_text(encoder_dir: Path) -> None:
    assert TextTokenizer.load(encoder_dir, 8).lengths(["", "word " * 300]) == [2, 302]


def test_no_texts(encoder_dir: Path) -> None:
    assert TextTokenizer.load(encoder_dir, 8).encode([]) == []


def test_more_texts_than_a_chunk_keep_their_order(encoder_dir: Path) -> None:
    tokenizer = TextTokenizer.load(encoder_dir, 8)
    texts = [f"number {i}" for i in range(2500)]
    rows = tokenizer.encode(texts)
    assert len(rows) == 2500
    assert rows[1024] == tokenizer.encode([texts[1024]])[0]


def test_threads_may_share_one(encoder_dir: Path) -> None:
    tokenizer = TextTokenizer.load(encoder_dir, 16)
    texts = [["word " * (i % 30)] for i in range(200)]
    expected = [tokenizer.encode(batch) for batch in texts]
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(tokenizer.encode if i % 2 else tokenizer.lengths, batch)
                   for i, batch in enumerate(texts)]  # fmt: skip
    assert [f.result() for f in futures[1::2]] == expected[1::2]


# the pad id


def test_pad_id_of_the_reference_encoder(encoder_dir: Path, bare: Path) -> None:
    assert TextTokenizer.load(encoder_dir, 8).pad_id == 0
    assert TextTokenizer.load(bare, 8).pad_id == 0


@pytest.mark.parametrize(("file", "content", "expected"), [
    ("tokenizer_config.json", {"pad_token": "[MASK]"}, 103),
    ("tokenizer_config.json", {"pad_token": {"content": "[MASK]"}}, 103),
    ("tokenizer_config.json", {"pad_token": None}, 0),
    ("special_tokens_map.json", {"pad_token": "[MASK]"}, 103),
    ("config.json", {"pad_token_id": 7}, 7),
])  # fmt: skip
def test_pad_id_is_read_from_the_files(bare: Path, file: str, content: object, expected: int) -> None:
    (bare / file).write_text(json.dumps(content))
    assert TextTokenizer.load(bare, 8).pad_id == expected


def test_a_tokenizer_without_pad_token(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?")).save(str(tmp_path / "tokenizer.json"))  # noqa: S106
    with pytest.raises(UsageError, match=r"no pad token.*Set pad_token_id"):
        TextTokenizer.load(tmp_path, 8)
    (tmp_path / "config.json").write_text('{"pad_token_id": 1}')
    tokenizer = TextTokenizer.load(tmp_path, 1)
    assert (tokenizer.encode(["a"]), tokenizer.pad_id) == ([[0]], 1)


# errors


def test_no_tokenizer_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no tokenizer.json.*save_pretrained"):
        TextTokenizer.load(tmp_path, 8)


def test_broken_tokenizer_file(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        TextTokenizer.load(tmp_path, 8)


@pytest.mark.parametrize("max_length", [2, 0, -5])
def test_no_room_for_text(encoder_dir: Path, max_length: int) -> None:
    with pytest.raises(UsageError, match="allowed: 3 or more"):
        TextTokenizer.load(encoder_dir, max_length)
