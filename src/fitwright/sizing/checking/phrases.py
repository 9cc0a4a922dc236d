"""Figures inside a sentence, such as ``12-layer, 768-hidden, 12-heads, 110M parameters``."""

from __future__ import annotations

import re
import unicodedata

_COUNT = r"(?:~|≈|about |约)?\s*\d[\d,.]*\s*(?:[mbk]|million|billion|百万|[亿万])"
_PHRASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (field, re.compile(pattern, re.IGNORECASE))
    for field, pattern in (
        ("encoder_layers", r"(\d+)[ -]?(?:encoder[ -]layers?|层编码器)"),
        ("decoder_layers", r"(\d+)[ -]?(?:decoder[ -]layers?|层解码器)"),
        ("layers", r"(?:\bl|\blayers?|层数)\s*[=:]\s*(\d+)"),
        ("layers", r"(\d+)[ -]?(?:layers?\b|层(?!编码|解码))"),
        ("ffn", r"(\d+)[ -]feed[ -]?forward|\b(?:ffn|d_?ff)\s*[=:]\s*(\d+)"),
        ("hidden", r"(?:\bh|\bhidden(?: size)?|\bd_?model|隐(?:藏|层)\w*)\s*[=:]\s*(\d+)"),
        ("hidden", r"(\d+)[ -]?(?:hidden|隐藏|维)"),
        ("heads", r"(?:\ba|\bheads?|头数)\s*[=:]\s*(\d+)"),
        ("heads", r"(\d+)[ -]?(?:(?:attention[ -])?heads?\b|个?(?:注意力)?头)"),
        ("parameters", rf"({_COUNT})\s*(?:params?\b|parameters?\b|个?参数)|参数量?\s*[=:]?\s*({_COUNT})"),
        ("parameters", rf"(?:total )?param(?:eter)?s?\s*[=:]\s*({_COUNT})"),
    )
)
_TRIPLE = re.compile(
    r"^(?P<before>.*?)[\s(\[:]*\b(\d{1,3})\s*[/×]\s*(\d{3,5})\s*[/×]\s*(\d{1,3})\b\s*[)\]]?\s*$"
)
_ENOUGH = 2


def read_phrases(text: str) -> list[tuple[str, str]]:
    """(field, the number's text) of each figure that a sentence names; empty if it names fewer than two."""
    bare = unicodedata.normalize("NFKC", text)
    found: dict[str, str] = {}
    for field, pattern in _PHRASES:
        match = pattern.search(bare)
        if match is not None and field not in found:
            found[field] = next(group for group in match.groups() if group).strip()
    return list(found.items()) if len(found) >= _ENOUGH else []


def read_triple(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before a ``12/768/12`` at the end of a cell, and its layers, hidden size and heads."""
    match = _TRIPLE.match(unicodedata.normalize("NFKC", text))
    if match is None:
        return text, []
    return match["before"].strip(), [("layers", match[2]), ("hidden", match[3]), ("heads", match[4])]
