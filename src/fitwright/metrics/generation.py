"""Quality of generated text against one reference each: chrF and ROUGE-L, also of Chinese."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError

_ORDERS = range(1, 7)
_BETA = 2.0
_UNITS = re.compile(r"[a-z0-9]+|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


@dataclass(frozen=True, kw_only=True)
class GenerationScores:
    """``chrf`` of the corpus and ``rouge_l`` as the mean over the rows, both from 0 to 1."""

    chrf: float
    rouge_l: float


def generation_scores(references: Sequence[str], generated: Sequence[str]) -> GenerationScores:
    """chrF and ROUGE-L of generated texts, one reference each."""
    _check(references, generated)
    scores = [rouge_l(one, other) for one, other in zip(references, generated, strict=True)]
    return GenerationScores(chrf=chrf(references, generated), rouge_l=sum(scores) / len(scores))


def chrf(references: Sequence[str], generated: Sequence[str]) -> float:
    """Character n-gram F-score of a corpus, from 0 to 1.

    For each n from 1 to 6, precision and recall of the n-grams of characters without white space, summed over
    the corpus; P and R are their means over the n that occur in both; the score is (1 + β²) P R / (β² P + R)
    with β = 2, which weighs recall twice.

    Source: Popović, chrF (WMT 2015). The figure of ``sacrebleu.corpus_chrf`` (2.x, ``chrF2``), which reads
    from 0 to 100.
    """
    _check(references, generated)
    precisions, recalls = [], []
    for order in _ORDERS:
        wanted = given = shared = 0
        for reference, text in zip(references, generated, strict=True):
            known, made = _ngrams(reference, order), _ngrams(text, order)
            wanted += known.total()
            given += made.total() if known else 0
            shared += (known & made).total()
        if wanted and given:
            precisions.append(shared / given)
            recalls.append(shared / wanted)
    if not sum(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def rouge_l(reference: str, generated: str) -> float:
    """F1 of the longest common subsequence of units, 2 LCS / (units of both), from 0 to 1.

    Units are runs of ASCII letters and digits in lower case, and single Chinese characters and kana.

    Source: Lin, ROUGE (2004), with β = 1. The figure of ``rouge_score``'s ``rougeL`` without its stemmer for
    English; that library has no units for Chinese and scores it 0.
    """
    known, made = _UNITS.findall(reference.lower()), _UNITS.findall(generated.lower())
    if not known or not made:
        return 0.0
    return 2 * _common_subsequence(known, made) / (len(known) + len(made))


def _ngrams(text: str, order: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[i : i + order] for i in range(len(letters) - order + 1))


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence: rows of the usual table, O(len · len)."""
    row = [0] * (len(other) + 1)
    for unit in one:
        before = 0
        for place, candidate in enumerate(other, start=1):
            above = row[place]
            row[place] = before + 1 if unit == candidate else max(above, row[place - 1])
            before = above
    return row[-1]


def _check(references: Sequence[str], generated: Sequence[str]) -> None:
    if len(references) != len(generated) or not len(references):
        raise UsageError("as many texts as references are needed", got=(len(references), len(generated)))
