"""Hand-computed cases, and the reference implementations where they are installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference
from sklearn.utils.class_weight import compute_class_weight

from fitwright.core.errors import UsageError
from fitwright.data.class_weights import balanced_weights
from fitwright.metrics.answers import answer_scores, answer_units
from fitwright.metrics.entities import entities, entity_scores
from fitwright.metrics.generation import chrf, generation_scores, rouge_l
from fitwright.metrics.language_model import language_model_scores
from fitwright.metrics.multilabel import multilabel_scores
from fitwright.metrics.regression import pearson, regression_scores, spearman
from fitwright.metrics.retrieval import retrieval_scores, top_k_accuracy

RANDOM = np.random.default_rng(0)


def test_several_labels_by_hand() -> None:
    found = multilabel_scores([[1, 0, 1], [0, 1, 0]], [[1, 0, 0], [0, 1, 0]])
    # decisions: 2 right of 3 wanted and 2 given; classes: 1, 1, 0; one row of two is right as a whole
    assert found.micro_f1 == pytest.approx(4 / 5)
    assert found.macro_f1 == pytest.approx(2 / 3)
    assert found.subset_accuracy == 0.5


def test_several_labels_as_sklearn_counts_them() -> None:
    truth, predicted = RANDOM.integers(0, 2, (2, 50, 4))
    found = multilabel_scores(truth, predicted)
    assert found.micro_f1 == pytest.approx(reference.f1_score(truth, predicted, average="micro"))
    assert found.macro_f1 == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    assert found.subset_accuracy == pytest.approx(reference.accuracy_score(truth, predicted))
    nothing = multilabel_scores([[0, 0]], [[0, 0]])
    assert (nothing.micro_f1, nothing.subset_accuracy) == (0.0, 1.0)


def test_numbers_by_hand_and_as_scipy_has_them() -> None:
    found = regression_scores([1, 2, 3, 4], [2, 1, 4, 3])
    assert (found.mse, found.mae) == (1.0, 1.0)
    assert found.pearson == found.spearman == pytest.approx(0.6)
    one, other = RANDOM.integers(0, 6, (2, 40)).astype(float)  # with ties
    assert pearson(one, other) == pytest.approx(stats.pearsonr(one, other).statistic)
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert math.isnan(pearson([1, 1, 1], [1, 2, 3]))
    assert pearson([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)


@pytest.mark.parametrize(("tags", "expected"), [
    ("B-X I-X O B-Y", [("X", 0, 2), ("Y", 3, 4)]),
    ("I-X I-X O I-Y I-X", [("X", 0, 2), ("Y", 3, 4), ("X", 4, 5)]),  # IOB1, or stray tags
    ("B-X B-X I-Y", [("X", 0, 1), ("X", 1, 2), ("Y", 2, 3)]),
    ("B-X M-X E-X S-X I-X", [("X", 0, 3), ("X", 3, 4), ("X", 4, 5)]),
    ("B I O", [("_", 0, 2)]),
    ("O O", []),
])  # fmt: skip
def test_entities_of_a_sentence(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert entities(tags.split()) == expected


def test_entity_scores_by_hand() -> None:
    truth = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "I-LOC"]]
    found = entity_scores(truth, predicted)
    # 3 wanted, 3 given, 1 right (the first): the second has the wrong type, the third the wrong end
    assert (found.precision, found.recall, found.f1, found.support) == pytest.approx((1 / 3, 1 / 3, 1 / 3, 3))
    assert found.token_accuracy == pytest.approx(4 / 6)
    assert found.types["PER"].precision == 0.5
    assert found.types["PER"].recall == 1.0
    assert (found.types["LOC"].f1, found.types["LOC"].support) == (0.0, 2)


@pytest.mark.parametrize(("truth", "predicted", "exact", "f1"), [
    (["The  Tower!"], "a tower", 1, 1),
    (["in 1912", "1912"], "1912", 1, 1),
    (["the red car"], "a blue car", 0, 1 / 2),
    (["北京市"], "北京", 0, 4 / 5),
    (["《北京》"], "北京。", 1, 1),
    ([], "", 1, 1), ([], "x", 0, 0), (["x"], "", 0, 0), (["The"], "", 1, 1),
])  # fmt: skip
def test_answers_by_hand(truth: list[str], predicted: str, exact: float, f1: float) -> None:
    found = answer_scores([truth], [predicted])
    assert (found.exact_match, found.f1) == pytest.approx((exact, f1))


def test_units_of_an_answer() -> None:
    assert answer_units("U.S. 总统，An apple-pie & $5") == ["us", "总", "统", "applepie", "5"]


def test_rankings_by_hand() -> None:
    scores = [[0.9, 0.1, 0.5, 0.2], [0.3, 0.8, 0.1, 0.7], [0.5, 0.5, 0.5, 0.5]]
    found = retrieval_scores(scores, [[0], [3, 2], [1]], recall_at=(1, 2, 9))
    # ranks of the right ones: 1; 2 and 4; 4, since equal scores count against it
    assert found.accuracy_at_1 == pytest.approx(1 / 3)
    assert found.mrr == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert found.recall_at == pytest.approx({1: 1 / 3, 2: (1 + 1 / 2) / 3, 9: 1.0})


def test_top_k_as_sklearn_counts_it() -> None:
    truth, scores = RANDOM.integers(0, 5, 60), RANDOM.random((60, 5))
    for k in (1, 2, 4):
        expected = reference.top_k_accuracy_score(truth, scores, k=k)
        assert top_k_accuracy(truth, scores, k) == pytest.approx(expected)
    assert top_k_accuracy([0], [[0.0, 0.0]], 1) == 0.0


def test_perplexity() -> None:
    found = language_model_scores(100 * math.log(8), 100, characters=300)
    assert found.perplexity == pytest.approx(8)
    assert found.bits_per_character == pytest.approx(1)
    assert language_model_scores(1e6, 1).perplexity == math.inf


def test_generated_text_by_hand() -> None:
    # "the cat sat" and "the cat on": 2 of 3 units, in order
    assert rouge_l("The cat sat.", "the cat on") == pytest.approx(2 / 3)
    assert rouge_l("今天天气好", "今天好") == pytest.approx(2 * 3 / 8)
    assert rouge_l("a", "!") == 0.0
    # "abcd" and "abce": n-grams 3/4, 2/3, 1/2, 0/1, and none of 5 and 6; precision is recall
    assert chrf(["abcd"], ["ab ce"]) == pytest.approx((3 / 4 + 2 / 3 + 1 / 2 + 0) / 4)
    both = generation_scores(["今天天气好"], ["今天天气好"])
    assert (both.chrf, both.rouge_l) == (1.0, 1.0)


def test_recall_counts_twice_in_chrf() -> None:
    # one unit of the reference's four given: P = 1, R = 1/4 for n = 1; F2 = 5 · 1/4 / (4 + 1/4)
    assert chrf(["abcd"], ["a"]) == pytest.approx(5 / 17)


def test_balanced_weights() -> None:
    labels = [0] * 8 + [1] * 2 + [2] * 6
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced_weights([8, 2, 6]) == pytest.approx(tuple(expected))
    with pytest.raises(UsageError, match="each class needs rows"):
        balanced_weights([3, 0])


@pytest.mark.parametrize("call", [
    lambda: multilabel_scores([[1, 2]], [[1, 0]]), lambda: multilabel_scores([1, 0], [1, 0]),
    lambda: regression_scores([1.0], [math.nan]), lambda: regression_scores([], []),
    lambda: entity_scores([["O"]], [["O", "O"]]), lambda: answer_scores([], []),
    lambda: retrieval_scores([[1.0]], [[1]]), lambda: retrieval_scores([[math.nan]], [[0]]),
    lambda: top_k_accuracy([5], [[1.0]], 1), lambda: language_model_scores(1.0, 0),
    lambda: language_model_scores(math.nan, 1), lambda: generation_scores(["a"], []),
])  # fmt: skip
def test_what_cannot_be_scored(call: object) -> None:
    with pytest.raises(UsageError):
        call()  # type: ignore[operator]
