"""The plain text of a table cell: Markdown, inline HTML and the LaTeX that tables carry are taken off."""

from __future__ import annotations

import html
import re

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_PLAIN = "0123456789-+"
_TO_PLAIN = str.maketrans(_SUPERSCRIPTS, _PLAIN)
_TO_SUPERSCRIPT = str.maketrans(_PLAIN.replace("-", "−") + "-", _SUPERSCRIPTS + "⁻")

_SUPERSCRIPT_TAG = re.compile(r"<sup\b[^>]*>(.*?)</sup\s*>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_STRUCK = re.compile(r"~~.*?~~|<(del|s|strike)\b[^>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_FOOTNOTE = re.compile(r"\[\^[^\]]*\]|\[\d+(?:\s*[,;–-]\s*\d+)*\]")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_UNDERSCORES = re.compile(r"(?<!\w)(_{1,2})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~<>$%&])")
_MARKS = re.compile("[*†‡§¶`⁎∗★☆\u200b\u200c\u200d\ufeff]")
_POWER = re.compile(rf"(10)\s*([{_SUPERSCRIPTS}]+)")
_LATEX = (
    (re.compile(r"\\(?:sim|thicksim)\b"), "~"),
    (re.compile(r"\\(?:approx|simeq)\b"), "≈"),
    (re.compile(r"\\(?:times|cdot)\b"), "×"),
    (re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textsc|textrm)\s*(?=\{)"), ""),
    (re.compile(r"\^\{?(?:\\dagger|\\ddagger|\\ast|\*)\}?"), ""),
    (re.compile(r"(?<=\w)_(?=\{)"), " "),
)


def superscript(text: str) -> str:
    """``"8"`` as ``"⁸"``; what is no number (a footnote's letter) becomes nothing."""
    bare = text.strip()
    return bare.translate(_TO_SUPERSCRIPT) if re.fullmatch(r"[+−-]?\d+", bare) else ""


def plain(cell: str) -> str:
    """One line of text without markup, struck-out words and footnote marks.

    A power of ten written with a raised exponent reads ``10^8``; any other raised number is a footnote mark.

    Args:
        cell: the cell as it stands in a Markdown, HTML or CSV file.
    """
    text = _IMAGE.sub(" ", _STRUCK.sub(" ", cell))
    text = _SUPERSCRIPT_TAG.sub(lambda match: superscript(_TAG.sub("", match[1])), text)
    text = html.unescape(_TAG.sub("", _BREAK.sub(" ", text)))
    text = _LINK.sub(r"\1", _FOOTNOTE.sub("", text))
    if "$" in text or "\\" in text:
        text = _without_latex(text)
    text = _UNDERSCORES.sub(r"\2", text)
    text = _POWER.sub(lambda match: f"{match[1]}^{match[2].translate(_TO_PLAIN)}", text)
    text = _MARKS.sub("", text.translate({ord(mark): None for mark in _SUPERSCRIPTS}))
    return " ".join(text.split())


def _without_latex(text: str) -> str:
    for pattern, plainly in _LATEX:
        text = pattern.sub(plainly, text)
    text = _ESCAPED.sub(r"\1", text)
    if "$" in text:
        text = text.replace("{,}", ",").replace("{", "").replace("}", "").replace("$", "")
    return text
