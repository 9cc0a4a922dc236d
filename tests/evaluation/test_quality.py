from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from fitwright.core.errors import DataError, UsageError
from fitwright.core.progress import Progress
from fitwright.data.dataset import LabelledText
from fitwright.evaluation.quality import Quality, compare_quality, measure_quality

NAMES = ("bad", "fine", "good")
DATA = LabelledText(
    texts=tuple(f"text {i}" for i in range(300)), labels=tuple(i % 3 for i in range(300)), names=NAMES
)


class Scripted:
    """Answers right except on the rows it is told; ``labels`` is its own order of the classes."""

    def __init__(self, wrong: int, labels: tuple[str, ...] = NAMES) -> None:
        self.wrong, self.labels = wrong, labels

    def predict(
        self, texts: Sequence[str], batch_size: int = 32, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        answers = np.full((len(texts), 3), 0.1, dtype=np.float32)
        for row, text in enumerate(texts):
            number = int(text.split()[1])
            name = NAMES[(number + (number < self.wrong)) % 3]
            answers[row, self.labels.index(name)] = 0.8
        return answers


def quality(wrong: int, labels: tuple[str, ...] = NAMES) -> Quality:
    return measure_quality(Scripted(wrong, labels), DATA)


def test_scores_intervals_and_confusion() -> None:
    found = quality(60)
    assert found.accuracy.value == pytest.approx(0.8)
    assert found.f1.value == pytest.approx(0.8)
    for quantity in (found.accuracy, found.f1):
        assert (quantity.unit, quantity.origin) == ("1", "measured")
        assert 0.72 < (quantity.low or 0) < 0.78 < 0.82 < (quantity.high or 0) < 0.88
    assert found.confusion.tolist() == [[80, 20, 0], [0, 80, 20], [20, 0, 80]]
    assert found.classes[0].support == 100
    assert found.probabilities.shape == (300, 3)


def test_classes_are_matched_by_name_not_by_place() -> None:
    found = quality(0, labels=("good", "bad", "fine"))
    assert found.accuracy.value == 1.0
    assert found.names == ("good", "bad", "fine")


def test_a_worse_candidate_has_a_positive_drop() -> None:
    drop = compare_quality(quality(30), quality(60))
    assert (drop.value, drop.unit) == (pytest.approx(10.0), "points")
    assert 5 < (drop.low or 0) < 10 < (drop.high or 0) < 15


def test_a_better_candidate_has_a_negative_drop() -> None:
    drop = compare_quality(quality(60), quality(30), metric="macro_f1")
    assert drop.value < -5
    assert (drop.high or 0) < 0


def test_the_paired_interval_is_narrower_than_two_single_ones() -> None:
    source, candidate = quality(60), quality(63)
    drop = compare_quality(source, candidate)
    assert (drop.high or 0) - (drop.low or 0) < 100 * (
        (source.accuracy.high or 0) - (source.accuracy.low or 0)
    ) / 2


def test_equal_answers_have_exactly_no_drop() -> None:
    drop = compare_quality(quality(60), quality(60))
    assert (drop.low, drop.value, drop.high) == (0.0, 0.0, 0.0)
    assert not str(drop.low).startswith("-")


def test_other_rows_cannot_be_compared() -> None:
    fewer = measure_quality(Scripted(0), DATA.subset(range(100)))
    with pytest.raises(UsageError, match="same rows"):
        compare_quality(fewer, quality(0))


def test_unknown_class_and_no_rows_are_data_errors() -> None:
    strange = LabelledText(texts=("text 1",), labels=(0,), names=("awful",))
    with pytest.raises(DataError, match="awful"):
        measure_quality(Scripted(0), strange)
    with pytest.raises(DataError, match="no rows"):
        measure_quality(Scripted(0), DATA.subset(()))
