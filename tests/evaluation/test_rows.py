from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fitwright.core.errors import UsageError
from fitwright.data.dataset import LabelledText, fingerprint
from fitwright.data.splitting import split
from fitwright.evaluation.rows import choose_rows
from fitwright.spec.manifest import Manifest

DATA = LabelledText(
    texts=tuple(f"text number {i}" for i in range(600)),
    labels=tuple(i % 2 for i in range(600)),
    names=("a", "b"),
)
SPLIT = {"validation": 0.2, "test": 0.4, "seed": 3}


def manifest(**data: Any) -> Manifest:
    found: Mapping[str, Any] = data
    return Manifest(kind="model", stage="train", task="text-classification", data=found)


def test_the_test_part_is_the_one_of_the_training() -> None:
    rows, warnings = choose_rows(DATA, fingerprint(DATA), manifest(split=SPLIT), "test")
    assert rows == split(DATA, validation=0.2, test=0.4, seed=3).test
    assert warnings == ()


def test_rows_that_were_trained_on_are_warned_about() -> None:
    own = fingerprint(DATA)
    rows, warnings = choose_rows(DATA, own, manifest(split=SPLIT, fingerprint=own), "all")
    assert len(rows) == 600
    assert "trained on" in warnings[0]
    assert choose_rows(DATA, own, manifest(fingerprint="another"), "all")[1] == ()
    assert choose_rows(DATA, own, None, "all")[1] == ()


def test_few_rows_are_warned_about() -> None:
    assert "few" in choose_rows(DATA.subset(range(20)), "", None, "all")[1][0]


def test_no_recorded_split_or_an_unknown_part_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no split"):
        choose_rows(DATA, "", None, "test")
    with pytest.raises(UsageError, match="part"):
        choose_rows(DATA, "", None, "train")
