"""Quality of extracted answers: exact match and F1 of the units that they share with a right answer."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CJK = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af])")


@dataclass(frozen=True, kw_only=True)
class AnswerScores:
    """Means over the questions, shares from 0 to 1."""

    exact_match: float
    f1: float


def answer_scores(truth: Sequence[Sequence[str]], predicted: Sequence[str]) -> AnswerScores:
    """Exact match and F1, each question at the best of its right answers.

    Args:
        truth: the right answers of each question; none of them: the question has no answer.
        predicted: the answer to each question; empty: no answer.

    A question without an answer scores 1 where none is predicted, else 0, as in SQuAD 2.0.

    Source: Rajpurkar et al. 2016 and 2018, the official ``evaluate-v2.0.py``. Known differences: punctuation
    is all of Unicode's, not ASCII's, and each Chinese character or kana is a unit of its own, as in CMRC 2018
    (which has no articles and segments English by NLTK). Figures of English answers in ASCII are the same.
    """
    if len(truth) != len(predicted) or not len(truth):
        raise UsageError("as many predictions as questions are needed", got=(len(truth), len(predicted)))
    exact = overlap = 0.0
    for right, answer in zip(truth, predicted, strict=True):
        units = answer_units(answer)
        # A right answer of punctuation or articles alone is no answer, as in the official script.
        wanted = [known for text in right if (known := answer_units(text))] or [[]]
        exact += max(float(units == known) for known in wanted)
        overlap += max(_f1(units, known) for known in wanted)
    return AnswerScores(exact_match=exact / len(truth), f1=overlap / len(truth))


def answer_units(text: str) -> list[str]:
    """Lower case without punctuation and English articles; words, and Chinese characters one by one."""
    lowered = "".join(c for c in text.lower() if not _is_punctuation(c))
    return _ARTICLES.sub(" ", _CJK.sub(r" \1 ", lowered)).split()


def _is_punctuation(character: str) -> bool:
    """Unicode's punctuation, and the ASCII symbols that ``string.punctuation`` adds to it."""
    return unicodedata.category(character)[0] == "P" or character in "$+<=>^`|~"


def _f1(given: list[str], known: list[str]) -> float:
    if not given or not known:
        return float(given == known)
    shared = (Counter(given) & Counter(known)).total()
    return 2 * shared / (len(given) + len(known))
