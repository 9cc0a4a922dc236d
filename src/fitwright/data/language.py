"""A cheap guess at the language of a dataset: the scripts of its letters, and English by its small words."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Sequence

_RANGES = (
    (0x41, 0x24F, "latin"), (0x370, 0x3FF, "greek"), (0x400, 0x52F, "cyrillic"), (0x590, 0x5FF, "hebrew"),
    (0x600, 0x6FF, "arabic"), (0x900, 0x97F, "devanagari"), (0xE00, 0xE7F, "thai"), (0x3040, 0x30FF, "kana"),
    (0x3400, 0x9FFF, "han"), (0xAC00, 0xD7A3, "hangul"), (0x20000, 0x323AF, "han"),
)  # fmt: skip
_STARTS = tuple(first for first, _, _ in _RANGES)
CJK = ("han", "kana", "hangul")
_ENGLISH = frozenset((
    "the", "a", "an", "and", "or", "but", "of", "to", "in", "on", "for",
    "with", "is", "are", "was", "were", "be", "it", "this", "that", "i", "you",
    "he", "she", "we", "they", "not", "as", "at", "by",
))  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_CHARACTERS = 2000
_ENGLISH_SHARE = 0.15


def script_shares(texts: Sequence[str]) -> dict[str, float]:
    """Share of each script among the letters of the texts (their first 2,000 characters), largest first."""
    letters: Counter[str] = Counter()
    for text in texts:
        letters.update(character for character in text[:_CHARACTERS] if character.isalpha())
    scripts: Counter[str] = Counter()
    for character, count in letters.items():
        scripts[_script(ord(character))] += count
    total = sum(scripts.values())
    return {script: count / total for script, count in scripts.most_common()}


def guess_language(texts: Sequence[str]) -> str:
    """``zh``, ``ja``, ``ko``, ``en``, or ``unknown``.

    Chinese, Japanese and Korean by script; English where at least 15 % of the words are among thirty of its
    commonest. Titles, keyword lists and other languages read ``unknown``.
    """
    shares = script_shares(texts)
    if shares.get("hangul", 0) > 0.3:
        return "ko"
    if shares.get("kana", 0) > 0.1:
        return "ja"
    if shares.get("han", 0) > 0.3:
        return "zh"
    if shares.get("latin", 0) > 0.8:
        words = [word for text in texts for word in _WORD.findall(text[:_CHARACTERS].lower())]
        if words and sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words):
            return "en"
    return "unknown"


def _script(code: int) -> str:
    place = bisect.bisect_right(_STARTS, code) - 1
    if place >= 0 and code <= _RANGES[place][1]:
        return _RANGES[place][2]
    return "other"
