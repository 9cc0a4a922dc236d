"""The tokenizer beside a language model, and which of its tokens are special."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.core.optional import require
from fitwright.modeling.classifier import tokenizer_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Specials:
    """Ids that are no text.

    Attributes:
        before, after: what the tokenizer puts around a text.
        end: parts documents. mask: hides a token. ``None`` where there is none.
        vocabulary: number of ids.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    end: int | None
    mask: int | None
    vocabulary: int


def raw_tokenizer(source: Path, work: Path) -> Tokenizer:
    """The fast tokenizer beside a model, without cutting or padding; an old one is converted into ``work``.

    Raises:
        UsageError: the folder has no tokenizer, or a broken one.
    """
    source = tokenizer_folder(source, work)
    tokenizers = require("tokenizers")
    try:
        tokenizer: Tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    except Exception as error:  # the library raises bare Exception for every broken file
        reason = (str(error).splitlines() or ["?"])[0][:120]
        raise UsageError(f"tokenizer.json cannot be read: {reason}", got=str(source)) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def specials_of(source: Path, tokenizer: Tokenizer) -> Specials:
    """Special ids as ``tokenizer_config.json`` names them, else ``config.json``, else as the tokenizer
    frames an empty text: an encoder's texts end with its separator."""
    told = _json(source / "tokenizer_config.json")
    config = _json(source / "config.json")
    around = tokenizer.encode("", add_special_tokens=True).ids
    before, after = (tuple(around[:1]), tuple(around[1:])) if len(around) > 1 else (tuple(around), ())
    named = [told.get("eos_token"), told.get("sep_token")]
    ids = [tokenizer.token_to_id(text) for token in named if (text := _content(token)) is not None]
    stated = config.get("eos_token_id")
    ends = [i for i in (*ids, stated if isinstance(stated, int) else None, *after[-1:]) if i is not None]
    masks = [tokenizer.token_to_id(t) for t in (_content(told.get("mask_token")), "[MASK]", "<mask>") if t]
    known = [i for i in masks if i is not None]
    return Specials(
        before=before, after=after, end=ends[0] if ends else None, mask=known[0] if known else None,
        vocabulary=tokenizer.get_vocab_size(),
    )  # fmt: skip


def _content(token: Any) -> str | None:
    value = token.get("content") if isinstance(token, dict) else token
    return value if isinstance(value, str) else None


def _json(path: Path) -> dict[str, Any]:
    value = read_json(path, what=path.name) if path.is_file() else {}
    return value if isinstance(value, dict) else {}
