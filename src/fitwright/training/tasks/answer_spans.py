"""Answers as spans of tokens in windows of a context, and the best one over all windows.

Legend of shape suffixes: B windows of a batch, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NO_ANSWER = 0
"""Place of the token that stands for no answer: the first one of every window."""


@dataclass(frozen=True)
class AnswerWindow:
    """A window of a context behind its question.

    Attributes:
        question: which one.
        begin: place of the context's first token in the window.
        offsets: of the context's tokens in it: first character, and the one behind the last.
        start, end: places of the answer's first and last token; :data:`NO_ANSWER` where it is not whole.
    """

    question: int
    begin: int
    offsets: tuple[tuple[int, int], ...]
    start: int = NO_ANSWER
    end: int = NO_ANSWER

    def with_answer(self, first: int, behind: int) -> AnswerWindow:
        """The window with the answer at those characters, where it holds it whole."""
        touched = [i for i, (start, end) in enumerate(self.offsets) if start < behind and end > first]
        if not touched or self.offsets[0][0] > first or self.offsets[-1][1] < behind:
            return self
        return replace(self, start=self.begin + touched[0], end=self.begin + touched[-1])


def window_labels(windows: Sequence[AnswerWindow], _width: int) -> torch.Tensor:
    """Where the answers of B windows begin and end: int64 (B, 2)."""
    import torch

    return torch.tensor([(window.start, window.end) for window in windows], dtype=torch.long)


def best_spans(
    start_BT: torch.Tensor, end_BT: torch.Tensor, windows: Sequence[AnswerWindow], longest: int
) -> list[tuple[tuple[int, int] | None, float, float]]:
    """The best answer within each window.

    Args:
        start_BT, end_BT: logits; padding is -inf.
        windows: of the rows.
        longest: tokens of an answer.

    Returns:
        For each window the answer's characters (``None`` where it holds nothing of the context), its score,
        and the score of no answer. A score is the sum of two logits.
    """
    import torch

    width = start_BT.shape[1]
    places = torch.arange(width, device=start_BT.device)
    begins = torch.tensor([w.begin for w in windows], device=start_BT.device)[:, None]
    ends = torch.tensor([w.begin + len(w.offsets) for w in windows], device=start_BT.device)[:, None]
    outside_BT = (places < begins) | (places >= ends)
    apart_TT = places[None, :] - places[:, None]
    wrong_TT = (apart_TT < 0) | (apart_TT >= longest)
    start, end = (logits.masked_fill(outside_BT, float("-inf")) for logits in (start_BT, end_BT))
    scores_BTT = (start[:, :, None] + end[:, None, :]).masked_fill(wrong_TT, float("-inf"))
    best_B = scores_BTT.flatten(1).max(-1)
    nulls = (start_BT[:, NO_ANSWER] + end_BT[:, NO_ANSWER]).tolist()
    found: list[tuple[tuple[int, int] | None, float, float]] = []
    for window, place, score, null in zip(
        windows, best_B.indices.tolist(), best_B.values.tolist(), nulls, strict=True
    ):
        if not window.offsets:
            found.append((None, score, null))
            continue
        first, last = (at - window.begin for at in divmod(place, width))
        found.append(((window.offsets[first][0], window.offsets[last][1]), score, null))
    return found


class BestAnswers:
    """The best answer of each question over all its windows."""

    def __init__(self, questions: int) -> None:
        self._spans: list[tuple[int, int] | None] = [None] * questions
        self._scores = [float("-inf")] * questions
        self._nulls = [float("inf")] * questions

    def offer(self, question: int, span: tuple[int, int] | None, score: float, null: float) -> None:
        """What one window says; ``null`` is its score of no answer."""
        self._nulls[question] = min(self._nulls[question], null)
        if span is not None and score > self._scores[question]:
            self._spans[question], self._scores[question] = span, score

    def texts(self, contexts: Sequence[str], *, may_be_none: bool) -> list[str]:
        """The answers; empty where there is none, which is said only where ``may_be_none``."""
        return [
            "" if span is None or (may_be_none and null > score) else context[span[0] : span[1]]
            for context, span, score, null in zip(
                contexts, self._spans, self._scores, self._nulls, strict=True
            )
        ]
