"""The runs of a study folder as ``study fit`` and ``study report`` take them: the largest apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError, UsageError
from fitwright.data.reading import read_table
from fitwright.scaling.design.plan import FIT, PLAN_NAME, TARGET
from fitwright.scaling.fitted import FittedStudy
from fitwright.study.folder import StudyFolder
from fitwright.study.runs_table import read_runs

COLUMNS = {"n": "params", "d": "tokens", "loss": "loss", "unique": "unique_tokens"}
"""What a law is fitted to: total parameters, tokens seen, held-out loss at the end."""


@dataclass(frozen=True, kw_only=True)
class LadderRun:
    """A row of ``runs.csv`` as numbers.

    Attributes:
        heldout, trained: losses after each epoch, on held-out text and on text that was trained on.
        recall, heldout_recall: share of passages recalled exactly at the end; ``None`` for encoders.
    """

    cell: str
    role: str
    size: int
    tokens: int
    unique: int
    epochs: int
    flops: float
    loss: float
    heldout: tuple[float, ...]
    trained: tuple[float, ...]
    recall: float | None
    heldout_recall: float | None

    @property
    def best(self) -> float:
        """The lowest held-out loss of any epoch."""
        return min(self.heldout)


def is_study(path: Path) -> bool:
    """Whether a path is a study folder."""
    return path.is_dir() and (path / PLAN_NAME).is_file()


def read_ladder(root: Path) -> tuple[LadderRun, ...]:
    """The rows of a study's ``runs.csv``.

    Raises:
        DataError: there is none yet, or it was changed.
    """
    return read_runs(_table(root), _run)


def fitting_columns(root: Path) -> Mapping[str, Sequence[str]]:
    """The columns of the runs that a law is fitted to: all but the largest, which tests it."""
    columns = read_table(_table(root)).columns
    kept = [place for place, role in enumerate(columns["role"]) if role == FIT]
    return {name: [values[place] for place in kept] for name, values in columns.items()}


def verdicts(study: FittedStudy, runs: Sequence[LadderRun]) -> tuple[tuple[LadderRun, Any], ...]:
    """The largest run, which was left out of the fit, beside what the law predicts for it."""
    return tuple(
        (run, study.predict(size=run.size, data=run.tokens, unique=run.unique))
        for run in runs
        if run.role == TARGET
    )


def _table(root: Path) -> Path:
    if not is_study(root):
        raise UsageError("no study folder", got=str(root), mend="Give what 'fitwright study design' made.")
    path = StudyFolder(root).runs
    if not path.is_file():
        raise DataError("the study has no runs yet", got=str(root), mend=f"Run: fitwright study run {root}")
    return path


def _run(row: Mapping[str, str]) -> LadderRun:
    def curve(name: str) -> tuple[float, ...]:
        return tuple(float(part) for part in row[name].split())

    def share(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return LadderRun(
        cell=row["cell"], role=row["role"], size=int(row["params"]), tokens=int(row["tokens"]),
        unique=int(row["unique_tokens"]), epochs=int(row["epochs"]), flops=float(row["flops"]),
        loss=float(row["loss"]), heldout=curve("heldout_losses"), trained=curve("train_losses"),
        recall=share("recall"), heldout_recall=share("heldout_recall"),
    )  # fmt: skip
