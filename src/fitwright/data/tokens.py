"""Text to token ids through the fast tokenizer file that lies beside every model, without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.core.optional import require

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_USUAL_PAD_TOKENS = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>", "</s>")
_CHUNK = 1024


class TextTokenizer:
    """Encodes texts to at most ``max_length`` tokens, special tokens kept. Threads may share one.

    Attributes:
        max_length: tokens a row is cut at.
        pad_id: id that fills a batch (its attention is masked).
    """

    def __init__(self, tokenizer: Tokenizer, *, max_length: int, pad_id: int) -> None:
        special = tokenizer.num_special_tokens_to_add(is_pair=False)
        if max_length <= special:
            raise UsageError(
                "max-length leaves no room for text", got=max_length,
                allowed=f"{special + 1} or more (the tokenizer adds {special} special tokens)",
            )  # fmt: skip
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._whole = tokenizer
        self._cut = _copy(tokenizer)
        self._cut.enable_truncation(max_length)
        self.max_length = max_length
        self.pad_id = pad_id

    @classmethod
    def load(cls, model_dir: Path, max_length: int) -> TextTokenizer:
        """The tokenizer of a model directory.

        Args:
            model_dir: a folder with ``tokenizer.json``.
            max_length: tokens a row is cut at, special tokens included.

        Raises:
            UsageError: no or broken ``tokenizer.json``, no pad token, ``max_length`` too small.
        """
        path = Path(model_dir) / "tokenizer.json"
        if not path.is_file():
            raise UsageError(
                "the model directory has no tokenizer.json", got=str(model_dir),
                mend="Write one: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
            )  # fmt: skip
        tokenizers = require("tokenizers")
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for every broken file
            reason = str(error).splitlines()[0][:120]
            raise UsageError(f"tokenizer.json cannot be read: {reason}", got=str(path)) from None
        return cls(tokenizer, max_length=max_length, pad_id=_find_pad_id(Path(model_dir), tokenizer))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens added, cut at ``max_length``, without padding."""
        return self._ids(self._cut, texts)

    def encodings(self, rows: Sequence[Any], *, cut: bool = True, words: bool = False) -> list[Encoding]:
        """What the tokenizer knows of each row: ids, types, offsets, words; special tokens added.

        Args:
            rows: texts, or pairs of texts; with ``words`` lists of words, each tokenised by itself.
            cut: at ``max_length``, the longer text of a pair first; else whole.
            words: whether rows are lists of words.
        """
        tokenizer = self._cut if cut else self._whole
        if words:
            tokenizer = _for_words(tokenizer)
        found: list[Encoding] = []
        for start in range(0, len(rows), _CHUNK):
            chunk = [_plain(row) for row in rows[start : start + _CHUNK]]
            found.extend(tokenizer.encode_batch(chunk, is_pretokenized=words))
        return found

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, special tokens included, not cut."""
        return [len(row) for row in self._ids(self._whole, texts)]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The text of each row, without special tokens."""
        texts: list[str] = self._whole.decode_batch([list(row) for row in rows], skip_special_tokens=True)
        return texts

    @staticmethod
    def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
        rows: list[list[int]] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = [_plain(text) for text in texts[start : start + _CHUNK]]
            rows.extend(encoding.ids for encoding in tokenizer.encode_batch_fast(chunk))
        return rows


def _plain(row: Any) -> Any:
    """Lone surrogates, which no tokenizer takes, become question marks; offsets stay."""
    if isinstance(row, str):
        return row.encode("utf-8", "replace").decode()
    return tuple(_plain(text) for text in row)


def _for_words(tokenizer: Tokenizer) -> Tokenizer:
    """Byte-level tokenizers see words as within a text, where a space stands before each."""
    content = json.loads(tokenizer.to_str())
    before = content.get("pre_tokenizer") or {}
    for part in (before, *before.get("pretokenizers", ())):
        if part.get("type") == "ByteLevel":
            part["add_prefix_space"] = True
    made: Tokenizer = type(tokenizer).from_str(json.dumps(content))
    return made


def _copy(tokenizer: Tokenizer) -> Tokenizer:
    copied: Tokenizer = type(tokenizer).from_str(tokenizer.to_str())
    return copied


def _find_pad_id(model_dir: Path, tokenizer: Tokenizer) -> int:
    """The pad id: of ``tokenizer_config.json``, ``special_tokens_map.json``, ``config.json``, or usual.

    A decoder without a pad token is padded with its end token, as is usual: the attention mask hides it.
    """
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        token = _content(_optional_json(model_dir / name).get("pad_token"))
        if token is not None and (found := tokenizer.token_to_id(token)) is not None:
            return int(found)
    stated = _optional_json(model_dir / "config.json").get("pad_token_id")
    if isinstance(stated, int):
        return stated
    for token in _USUAL_PAD_TOKENS:
        if (found := tokenizer.token_to_id(token)) is not None:
            return int(found)
    raise UsageError(
        "the tokenizer has no pad token", got=str(model_dir), mend="Set pad_token_id in config.json."
    )


def _content(token: Any) -> str | None:
    """Tokens are stored as text, or as an object with ``content``."""
    value = token.get("content") if isinstance(token, dict) else token
    return value if isinstance(value, str) else None


def _optional_json(path: Path) -> dict[str, Any]:
    value = read_json(path, what=path.name) if path.is_file() else {}
    return value if isinstance(value, dict) else {}
