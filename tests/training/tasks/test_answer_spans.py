"""Answers are found where they stand: the best span of all windows, or none."""

from __future__ import annotations

import itertools

import torch

from fitwright.training.tasks.answer_spans import AnswerWindow, BestAnswers, best_spans

TEXT = "the cat sat on the mat"
WORDS = ((0, 3), (4, 7), (8, 11), (12, 14), (15, 18), (19, 22))
WINDOW = AnswerWindow(0, 2, WORDS)


def test_an_answer_becomes_the_tokens_that_it_touches() -> None:
    found = WINDOW.with_answer(9, 14)  # begins within a token
    assert (found.start, found.end) == (2 + 2, 2 + 3)
    half = AnswerWindow(0, 2, WORDS[:3]).with_answer(8, 14)
    assert (half.start, half.end) == (0, 0)


def test_the_best_span_is_that_of_a_search_through_all() -> None:
    generator = torch.Generator().manual_seed(0)
    start_BT, end_BT = (torch.randn(1, 9, generator=generator) for _ in range(2))
    [(span, score, null)] = best_spans(start_BT, end_BT, [WINDOW], longest=3)
    every = {
        (i, j): float(start_BT[0, 2 + i] + end_BT[0, 2 + j])
        for i, j in itertools.product(range(6), repeat=2)
        if i <= j < i + 3
    }
    first, last = max(every, key=lambda place: every[place])
    assert span == (WORDS[first][0], WORDS[last][1])
    assert abs(score - max(every.values())) < 1e-6
    assert abs(null - float(start_BT[0, 0] + end_BT[0, 0])) < 1e-6


def test_the_best_of_all_windows_answers_unless_none_is_likelier_in_each() -> None:
    best = BestAnswers(3)
    best.offer(0, (4, 7), 1.0, 3.0)
    best.offer(0, (19, 22), 2.0, 0.5)  # the window that is surest of an answer decides
    best.offer(1, (0, 3), 1.0, 4.0)
    best.offer(2, None, float("-inf"), 0.0)
    assert best.texts([TEXT] * 3, may_be_none=True) == ["mat", "", ""]
    assert best.texts([TEXT] * 3, may_be_none=False) == ["mat", "the", ""]
