"""Reading anybody's runs: columns are found, and what cannot be is refused with its place."""

from __future__ import annotations

import numpy as np
import pytest

from fitwright.core.errors import DataError
from fitwright.scaling.columns import Columns, detect
from fitwright.scaling.runs import runs_of

NOTHING: dict[str, str | None] = {}
COLUMNS = Columns(n="n", d="d", loss="loss")


def table(**changes: list[str]) -> dict[str, list[str]]:
    plain = {
        "n": ["1e7", "2e7", "4e7"],
        "d": ["2e8", "4e8", "8e8"],
        "loss": ["4.0", "3.5", "3.2"],
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("name", "params_N", "tokens_T", "unique_tokens_U", "val_loss"),
         Columns(n="params_N", d="tokens_T", unique="unique_tokens_U", loss="val_loss")),
        (("Model Size", "Training FLOP", "loss"),
         Columns(n="Model Size", flops="Training FLOP", loss="loss")),
        (("flops", "params_N", "tokens_D", "loss"), Columns(n="params_N", d="tokens_D", loss="loss")),
    ],
)  # fmt: skip
def test_usual_names_are_found(names: tuple[str, ...], expected: Columns) -> None:
    assert detect(names, NOTHING) == expected


def test_what_is_told_wins() -> None:
    found = detect(("n", "d", "c", "loss", "best"), {"flops": "c", "loss": "best"})
    assert found == Columns(n="n", flops="c", loss="best")


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (("a", "d", "loss"), {}, "--n-column"),
        (("n", "d", "x"), {}, "--loss-column"),
        (("n", "loss"), {}, "--flops-column NAME for D = C/6N"),
        (("n", "d", "loss"), {"loss": "lose"}, "Did you mean 'loss'"),
        (("n", "d", "c", "loss"), {"d": "d", "flops": "c"}, "given twice"),
        (("n", "loss"), {"d": "n", "n": "n"}, "two things"),
    ],
)
def test_what_is_missing_or_unclear_is_said(
    names: tuple[str, ...], given: dict[str, str | None], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        detect(names, given)


def test_tokens_follow_from_flops() -> None:
    columns = Columns(n="n", flops="c", loss="loss")
    runs = runs_of(table(c=["1.2e16", "4.8e16", "1.92e17"]), columns)
    np.testing.assert_allclose(runs.data, [2e8, 4e8, 8e8])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loss": ["4.0", "nan", "3.2"]}, r"'nan' in row 2"),
        ({"loss": ["4.0", "", "inf"]}, r"2 of 3 values .*'nothing' in row 2, 'inf' in row 3"),
        ({"d": ["2e8", "-4e8", "0"]}, r"'-4e8' in row 2, '0' in row 3"),
        ({"n": ["10", "20", "40"]}, "millions or billions of parameters"),
        ({"d": ["200", "400", "800"]}, "millions or billions of tokens"),
        ({"d": ["2e17", "4e17", "8e17"]}, "a unit is off"),
        ({"n": ["1e7", "20", "4e7"]}, "parameters in another unit.*got 'row 2'"),
        ({"loss": ["155", "133", "124"]}, "perplexity"),
        ({"loss": ["3", "3", "3"]}, "same loss"),
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, list[str]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        runs_of(table(**changes), COLUMNS)


def test_odd_tables_are_warned_of() -> None:
    twice = {name: [*values, values[-1]] for name, values in table().items()}
    assert "repeat another row" in " ".join(runs_of(twice, COLUMNS).warnings)
    mixed = table(n=["1e7", "2e7", "8e10"], d=["2e8", "4e8", "8e9"])
    assert "same unit" in " ".join(runs_of(mixed, COLUMNS).warnings)
    assert runs_of(table(), COLUMNS).warnings == ()


def test_unique_tokens_never_exceed_tokens_and_it_is_said() -> None:
    runs = runs_of(table(u=["1e9", "1e8", "1e8"]), Columns(n="n", d="d", loss="loss", unique="u"))
    np.testing.assert_allclose(runs.unique, [2e8, 1e8, 1e8])
    assert "1 runs did not see all" in runs.warnings[0]


def test_a_column_without_embeddings_says_so() -> None:
    assert Columns(n="params_no_emb", d="d", loss="loss").size_kind == "non-embedding"
    assert COLUMNS.size_kind == "unstated"
