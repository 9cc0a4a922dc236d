"""What a cell states: a number with its unit in English or Chinese, or why it is none."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

UNITS: dict[str, int] = {
    "k": 10**3, "thousand": 10**3, "thousands": 10**3, "千": 10**3,
    "w": 10**4, "万": 10**4, "萬": 10**4, "百万": 10**6, "百萬": 10**6, "千万": 10**7, "千萬": 10**7,
    "m": 10**6, "mn": 10**6, "mln": 10**6, "mio": 10**6, "million": 10**6, "millions": 10**6,
    "亿": 10**8, "億": 10**8, "十亿": 10**9, "百亿": 10**10, "千亿": 10**11, "万亿": 10**12,
    "b": 10**9, "bn": 10**9, "g": 10**9, "billion": 10**9, "billions": 10**9,
    "t": 10**12, "trillion": 10**12, "trillions": 10**12,
}  # fmt: skip
"""Unit, in lower case → its factor. ``w`` is the Chinese internet's 万."""

_BYTES = {"kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "bytes", "byte"}
_BLANK = {
    "", "-", "--", "---", "–", "—", "―", "/", "?", "…", "...", "na", "n/a", "n.a.", "none", "null", "nan",
    "tbd", "tba", "unknown", "not applicable", "not disclosed", "undisclosed",
    "无", "未知", "未公开", "不详", "不适用", "暂无", "待定",
}  # fmt: skip
_ABOUT = re.compile(
    r"^(?:[~≈≃≅≒∼]|about|approximately|approx\.?|around|roughly|circa|ca\.?|nearly"
    r"|约为|大约|大概|约|接近|将近|近)\s*"
)
_ABOUT_AFTER = re.compile(r"\s*(?:左右|上下|approximately|approx\.?)$")
_ABOUT_WORD = re.compile(r"(?:approx|estimated|about|roughly|约|估)")
_BOUND = re.compile(
    r"^(?:[<>≤≥⩽⩾]|up to|over|more than|less than|at least|at most|超过|多于|少于|不到|至少|至多|最多)"
    r"|(?:\+|以上|以下|多|余)$"
)
_WORDS = re.compile(
    r"(?<=[\d\sa-z万亿千百十])[\s-]*(?:"
    r"(?:trainable\s+|total\s+)?(?:params?|parameters?)|个?参数量?|weights"
    r"|(?:encoder\s+|decoder\s+)?layers?|blocks?|层|(?:attention[\s-])?heads?|个?(?:注意力)?头"
    r"|hidden(?:[\s-]states?)?|dimensions?|dims?|d|维度?|tokens?|words?|个?词|字|个"
    r")(?:\s+each|\s+per stack)?\.?$"
)
_ASIDE = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*$")
_NUMBER = r"(?:\d{1,3}(?:[,'’_ ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_VALUE = re.compile(
    rf"(?P<number>{_NUMBER})"
    r"(?:e(?P<exponent>[+-]?\d{1,2})|\s*[x×*·]\s*10\s*\^\s*(?P<power>[+-]?\d{1,2}))?"
    r"\s*(?P<unit>[a-z\u4e00-\u9fff]*)"
)
_YI_WAN = re.compile(rf"(?P<yi>{_NUMBER})\s*[亿億]\s*(?P<wan>\d+)\s*[万萬]")
_RANGE = re.compile(rf"{_NUMBER}\s*\w*\s*(?:-|–|—|~|to|至|到|\.\.+|/|or|或|and|和|,)\s*{_NUMBER}\s*\w*")
_PRODUCT = re.compile(rf"{_NUMBER}\s*[x×*]\s*{_NUMBER}\s*[a-z]*")
_DECIMAL_COMMA = re.compile(r"\d+,(?:\d{1,2}|\d{4,})(?!\d)|\d+(?:\.\d{3}){2,}")
_SMALLEST_COUNT = 100_000
_LARGEST_BARE = 10**6
_LONGEST, _LARGEST = 100, 10**18


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A number that a table states.

    Attributes:
        text: the cell as read.
        number: its value, with the unit applied.
        approximate: marked as about, by ``~``, ``≈``, ``约`` or a word.
        step: what one unit of the last digit stands for: 1e6 for ``110M``, 1e8 for ``0.1B``.
        scaled: a unit was given, by the cell or the heading.
        aside: words in brackets behind the number, which were not judged.
    """

    text: str
    number: float
    approximate: bool = False
    step: float = 1.0
    scaled: bool = False
    aside: str = ""


@dataclass(frozen=True)
class Refused:
    """A cell that is no single number, and why."""

    text: str
    why: str


def read_number(text: str, *, scale: int = 1, approximate: bool = False) -> Stated | Refused | None:
    """The number of a cell; ``None`` for an empty one (``-``, ``N/A``, ``未公开`` and their like).

    Args:
        text: the cell without markup.
        scale: what the heading says a bare number counts: 10**6 under ``Params (M)``.
        approximate: the heading marks the whole column as approximate.
    """
    bare, aside = _apart(" ".join(unicodedata.normalize("NFKC", text).split()))
    bare = normal(bare)
    if bare in _BLANK or normal(text) in _BLANK:
        return None
    if len(bare) > _LONGEST:
        return Refused(f"{text[:_LONGEST]}…", "a text, not a number")
    unmarked = _ABOUT_AFTER.sub("", _ABOUT.sub("", _words_off(bare)))
    approximate = approximate or unmarked != _words_off(bare) or bool(_ABOUT_WORD.match(aside.lower()))
    unmarked = _words_off(unmarked)
    why = _why_not(unmarked)
    if why:
        return Refused(text, why)
    value = _value(unmarked)
    if value is None:
        return Refused(text, "not a number")
    number, step, unit = value
    if unit in _BYTES:
        return Refused(text, "a size in bytes, not a count")
    factor = UNITS.get(unit)
    if unit and factor is None:
        return Refused(text, f"unknown unit {unit!r}")
    if not unit and scale > 1 and number >= _LARGEST_BARE:
        return Refused(text, f"as it stands, or times the {scale:,} of the heading? Unclear")
    factor = factor or scale
    if number * factor > _LARGEST:
        return Refused(text, "larger than any model")
    return Stated(
        text=text, number=float(number * factor), approximate=approximate, step=float(step * factor),
        scaled=factor > 1 or step > 1, aside=aside,
    )  # fmt: skip


def lacks_unit(stated: Stated) -> bool:
    """True for a parameter count that no Transformer has: ``110`` where 110 million is meant."""
    return not stated.scaled and stated.number < _SMALLEST_COUNT


def normal(text: str) -> str:
    """Lower case, half-width digits and letters, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().replace("−", "-").split())


def _apart(text: str) -> tuple[str, str]:
    """The number and the words in brackets behind it; ``(110m)`` alone is the number."""
    match = _ASIDE.search(text)
    if match is None:
        return text, ""
    if match.start() == 0:
        return match[1].strip(), ""
    return text[: match.start()].strip(), match[1].strip()


def _words_off(text: str) -> str:
    return _WORDS.sub("", text).strip()


def _why_not(text: str) -> str:
    if _BOUND.search(text):
        return "a bound, not a value"
    if _DECIMAL_COMMA.search(text):
        return "a comma or point whose meaning is unclear; write 1,234,567 or 110.5M"
    if _PRODUCT.fullmatch(text):
        return "a product, not one count"
    if not _VALUE.fullmatch(text) and _RANGE.fullmatch(text):
        return "a range or several values, not one"
    return ""


def _value(text: str) -> tuple[Decimal, Decimal, str] | None:
    """(number, what its last digit counts, unit), the unit not applied."""
    both = _YI_WAN.fullmatch(text)
    if both is not None:
        return Decimal(both["yi"].replace(",", "")) * 10**4 + Decimal(both["wan"]), Decimal(1), "万"
    match = _VALUE.fullmatch(text)
    if match is None:
        return None
    digits = re.sub(r"[,'’_ ]", "", match["number"])
    exponent = int(match["exponent"] or match["power"] or 0)
    decimals = len(digits.partition(".")[2])
    return Decimal(digits).scaleb(exponent), Decimal(1).scaleb(exponent - decimals), match["unit"]
