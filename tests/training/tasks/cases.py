"""What the conformance suite runs: a case for each kind of training. Add yours to :data:`CASES`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GOOD = ("fine", "lovely", "clever", "moving", "bright", "warm")
BAD = ("dull", "tired", "clumsy", "bleak", "loud", "cold")
THINGS = ("film", "story", "cast", "ending", "plot that never quite ends", "scene")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of training on data that it can learn in a few steps.

    Attributes:
        name: of the test.
        task: as ``--task`` has it.
        data: writes a data file into a folder; returns it.
        opens: loads the model directory as ``transformers`` alone would and uses it; raises where that fails.
        options, columns: as ``--option`` and ``--column`` have them.
        settings: of the loop, other than the suite's own.
        source: the fixture that gives the model to start from.
        packs: whether the source's rows can be packed for this task.
    """

    name: str
    task: str
    data: Callable[[Path], Path]
    opens: Callable[[Path], None]
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: str = "small_encoder"
    packs: bool = True


def write_table(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def verdicts() -> list[tuple[str, str]]:
    """96 sentences of uneven length, each good or bad."""
    found = []
    for i in range(96):
        words, label = ((GOOD, "good"), (BAD, "bad"))[i % 2]
        thing, word = THINGS[i // 2 % 6], words[i // 12 % 6]
        found.append((f"the {thing} number {i} was {word} and {words[i % 5]}", label))
    return found


def labelled(folder: Path) -> Path:
    return write_table(folder / "labelled.csv", ("text", "label"), [*verdicts()])


def classifies(folder: Path) -> None:
    from transformers import pipeline

    assert pipeline("text-classification", model=str(folder))("a fine film")[0]["label"] in ("good", "bad")


CASES: tuple[Case, ...] = (
    Case(name="text-classification", task="text-classification", data=labelled, opens=classifies),
)
