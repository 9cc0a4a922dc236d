from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.metrics.classification import accuracy, confusion, macro_f1, per_class

PAIRS = st.integers(1, 6).flatmap(
    lambda classes: st.lists(
        st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=40
    )
)


def test_values_worked_out_by_hand() -> None:
    truth, predicted = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 0]
    assert accuracy(truth, predicted) == pytest.approx(3 / 6)
    assert confusion(truth, predicted).tolist() == [[2, 1, 0], [0, 1, 1], [1, 0, 0]]
    # class 0: TP 2 FP 1 FN 1; class 1: TP 1 FP 1 FN 1; class 2: TP 0 FP 1 FN 1
    scores = per_class(confusion(truth, predicted))
    assert [s.precision for s in scores] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [s.recall for s in scores] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [s.f1 for s in scores] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [s.support for s in scores] == [3, 2, 1]
    assert macro_f1(truth, predicted) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_a_class_that_occurs_nowhere_does_not_count() -> None:
    assert macro_f1([0, 2], [0, 2]) == 1
    assert confusion([0, 2], [0, 2], classes=4).sum() == 2
    assert per_class(confusion([0], [0], classes=2))[1].f1 == 0


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    assert macro_f1([0, 0], [0, 1]) == pytest.approx((2 / 3 + 0) / 2)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_against_counting_row_by_row(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    scores = []
    for name in set(truth) | set(predicted):
        hits = sum(t == p == name for t, p in pairs)
        wrong = sum((t == name) != (p == name) for t, p in pairs)
        scores.append(2 * hits / (2 * hits + wrong))
    assert macro_f1(truth, predicted) == pytest.approx(sum(scores) / len(scores))
    assert accuracy(truth, predicted) == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))
    counts = confusion(truth, predicted, classes=7)
    assert counts.shape == (7, 7)
    assert all(counts[t, p] == pairs.count((t, p)) for t in range(7) for p in range(7))


@pytest.mark.parametrize(("truth", "predicted", "message"), [
    ([], [], "at least one row"),
    ([0, 1], [0], "one length"),
    ([[0]], [[0]], "one length"),
    ([0.5], [0.5], "class indices"),
    ([-1], [0], "class indices"),
    ([0], [-1], "class indices"),
])  # fmt: skip
def test_unusable_rows(truth: list[int], predicted: list[int], message: str) -> None:
    for metric in (accuracy, macro_f1, confusion):
        with pytest.raises(UsageError, match=message):
            metric(truth, predicted)


def test_an_index_beyond_the_classes() -> None:
    with pytest.raises(UsageError, match="out of range; got 2; allowed: 0 to 1"):
        confusion(np.array([0, 2]), np.array([0, 1]), classes=2)
