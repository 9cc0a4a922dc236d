"""Options that may stand without a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.cli.main import run, with_bare_options


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["train", "--sweep"], ["train", "--sweep", "default"]),
        (["train", "--sweep", "--trials", "3"], ["train", "--sweep", "default", "--trials", "3"]),
        (["train", "--sweep", "a.csv"], ["train", "--sweep", "default", "a.csv"]),
        (["train", "--sweep", "lr=1..2", "a.csv"], ["train", "--sweep", "lr=1..2", "a.csv"]),
        (["train", "--sweep", "default"], ["train", "--sweep", "default"]),
        (["train", "a.csv"], ["train", "a.csv"]),
    ],
)
def test_a_sweep_alone_is_the_usual_one(given: list[str], read: list[str]) -> None:
    assert with_bare_options(given) == read


def test_a_sweep_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, reviews_csv: Path
) -> None:
    given = [
        "train",
        str(reviews_csv),
        "-m",
        str(tiny_model_dir),
        "-o",
        "unused",
        "--sweep",
        "colour=red|blue",
    ]
    assert run(given) == 2
    assert "a sweep cannot change that; got 'colour'" in capsys.readouterr().err
