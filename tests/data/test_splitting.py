from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fitwright.core.errors import DataError, UsageError
from fitwright.data.dataset import LabelledText, load_labelled
from fitwright.data.splitting import PARTS, Splits, normalised, part_of, split

# Few letters, both cases, full width, accents and punctuation: texts that often become equal when normalised.
TEXTS = st.lists(st.text(alphabet="aAbB1 ,.!?\t\u3000ａéÉ\u0301很好。", max_size=4), min_size=60, max_size=90)


def labelled(texts: list[str]) -> LabelledText:
    return LabelledText(texts=tuple(texts), labels=(0,) * len(texts), names=("x",))


def split_or_skip(dataset: LabelledText, **options: object) -> Splits:
    try:
        return split(dataset, **options)  # type: ignore[arg-type]
    except DataError:
        assume(False)
        raise


def places(splits: Splits) -> dict[int, str]:
    return {row: part for part in PARTS for row in splits.indices[part]}


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers())
def test_no_text_is_in_two_parts_and_each_row_in_one(texts: list[str], seed: int) -> None:
    splits = split_or_skip(labelled(texts), seed=seed)
    assert sorted(row for part in PARTS for row in splits.indices[part]) == list(range(len(texts)))
    seen = [{normalised(text) for text in getattr(splits, part).texts} for part in PARTS]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    for part in PARTS:
        assert list(getattr(splits, part).texts) == [texts[row] for row in splits.indices[part]]


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.lists(st.text(max_size=4), max_size=30), st.integers(0, 99))
def test_a_row_stays_in_its_part_when_rows_are_added(texts: list[str], more: list[str], seed: int) -> None:
    before = places(split_or_skip(labelled(texts), seed=seed))
    after = places(split(labelled([*texts, *more]), seed=seed))
    assert {row: after[row] for row in before} == before


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing_that_matters(text: str) -> None:
    spaced = f"  {text.replace(' ', '   ')}\n"
    assert normalised(spaced) == normalised(text)


@pytest.mark.parametrize(("one", "other"), [
    ("It's  GOOD.", "its good"), ("ｇｏｏｄ", "good"), ("好，很好！", "好很好"), ("straße", "STRASSE"),
    ("caf\u00e9", "cafe\u0301"), ("a-b", "a b"), ("!!!", "  !!! "),
])  # fmt: skip
def test_texts_that_count_as_the_same(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [
    ("good 1", "good 2"), ("!!!", "???"), ("🙂", "🙁"), ("कि", "की"), ("very good", "good"), ("a+b", "ab"),
])  # fmt: skip
def test_texts_that_differ(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_the_part_of_a_text_never_changes_between_versions() -> None:
    parts = [part_of(f"text{i}", validation=0.1, test=0.2, seed=0)[1] for i in range(40)]
    assert "".join(parts) == "rrrrrrerarrerrrrreerrrrerrrrrrerrrrerrer"


def test_seed_and_determinism(reviews_csv: Path) -> None:
    dataset, _ = load_labelled(reviews_csv)
    assert split(dataset, seed=3) == split(dataset, seed=3)
    assert split(dataset, seed=3).indices != split(dataset, seed=4).indices


def test_shares_are_near_the_fractions() -> None:
    splits = split(labelled([f"text {i}" for i in range(10_000)]), validation=0.15, test=0.25)
    assert len(splits.validation) == pytest.approx(1500, abs=4 * 36)
    assert len(splits.test) == pytest.approx(2500, abs=4 * 44)


def test_a_larger_test_part_contains_the_smaller() -> None:
    dataset = labelled([f"text {i}" for i in range(500)])
    small, large = split(dataset, test=0.1), split(dataset, test=0.3)
    assert set(small.indices["test"]) < set(large.indices["test"])


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.2), (0.1, 0), (1.0, 0.2), (-0.1, 0.2), (0.1, float("nan"))]
)
def test_fraction_out_of_range(validation: float, test: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        split(labelled(["a"]), validation=validation, test=test)


def test_fractions_that_leave_nothing() -> None:
    with pytest.raises(UsageError, match=r"leave nothing to train on; got 1\.1;"):
        split(labelled(["a"]), validation=0.5, test=0.6)


def test_a_class_missing_from_a_part_names_it_and_a_seed_that_works() -> None:
    texts = [f"text {i}" for i in range(200)]
    dataset = LabelledText(texts=tuple(texts), labels=(*([0] * 192), *([1] * 8)), names=("common", "rare"))
    failing = next(seed for seed in range(20) if not works(dataset, seed))
    with pytest.raises(DataError, match=r"got 'rare'.*--seed (\d+) gives") as caught:
        split(dataset, seed=failing)
    assert works(dataset, int(str(caught.value).split("--seed ")[1].split()[0]))


def works(dataset: LabelledText, seed: int) -> bool:
    try:
        split(dataset, seed=seed)
    except DataError:
        return False
    return True


def test_a_class_of_one_text_cannot_be_split() -> None:
    texts = (*(f"text {i}" for i in range(100)), *["same"] * 10)
    dataset = LabelledText(texts=texts, labels=(*([0] * 100), *([1] * 10)), names=("many", "one"))
    with pytest.raises(DataError, match="Add rows of 'one' with different texts"):
        split(dataset)
