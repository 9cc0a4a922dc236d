"""The tokenizer of a task on text."""

from __future__ import annotations

from pathlib import Path

from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.classifier import copy_tokenizer


def fast_tokenizer(source: Path, work: Path, max_length: int) -> TextTokenizer:
    """The tokenizer beside a model; an old one is converted into ``work`` first."""
    if not (source / "tokenizer.json").is_file():
        converted = work / "tokenizer"
        converted.mkdir(parents=True, exist_ok=True)
        copy_tokenizer(source, converted)
        source = converted
    return TextTokenizer.load(source, max_length)
