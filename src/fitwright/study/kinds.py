"""What differs between a study of a corpus and one of labelled data; running and resuming do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fitwright.core.progress import Progress
from fitwright.scaling.design.label_plan import LabelPlan
from fitwright.scaling.design.plan import (
    CORPUS,
    LABELS,
    Plan,
    PlannedCell,
    StudyPlan,
    broken_plan,
    read_plan_json,
)
from fitwright.spec.manifest import MANIFEST_NAME
from fitwright.study import cell as corpus_cell
from fitwright.study import table as corpus_table
from fitwright.study.folder import StudyFolder
from fitwright.study.labels import cell as label_cell
from fitwright.study.labels import table as label_table
from fitwright.training.settings import TrainSettings


class FinishedRun(Protocol):
    """A cell that is trained."""

    @property
    def cell(self) -> PlannedCell: ...

    def row(self) -> Mapping[str, Any]:
        """Its row of ``runs.csv``."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How the cells of a kind of study are trained and written down.

    Attributes:
        columns: of ``runs.csv``.
        plan: the plan that ``study.json`` of a folder holds.
        start: writes what a cell starts from. train: trains it. settings: of its training.
        finished: whether nothing is left to do for it. run: the finished cell.
    """

    columns: tuple[str, ...]
    plan: Callable[[dict[str, Any], Path], StudyPlan]
    start: Callable[[StudyFolder, Any, Any], Path]
    train: Callable[[StudyFolder, Any, Any, Progress], Path]
    settings: Callable[[Any, Any], TrainSettings]
    finished: Callable[[StudyFolder, Any], bool]
    run: Callable[[StudyFolder, Any, Any], FinishedRun]


def _has_manifest(folder: StudyFolder, cell: PlannedCell) -> bool:
    return (folder.cell(cell) / MANIFEST_NAME).is_file()


KINDS = {
    CORPUS: Kind(
        columns=corpus_table.COLUMNS, plan=Plan.from_json, start=corpus_cell.start,
        train=corpus_cell.train_cell, settings=corpus_cell.settings_of, finished=_has_manifest,
        run=corpus_table.run_of,
    ),
    LABELS: Kind(
        columns=label_table.COLUMNS, plan=LabelPlan.from_json, start=label_cell.start,
        train=label_cell.train_cell, settings=label_cell.settings_of, finished=label_cell.is_judged,
        run=label_table.run_of,
    ),
}  # fmt: skip


def read_plan(root: Path) -> StudyPlan:
    """The plan of a study folder, of whatever kind.

    Raises:
        UsageError: there is none, or one of another version.
    """
    data = read_plan_json(root)
    if data["kind"] not in KINDS:
        raise broken_plan(root, f"of the unknown kind {data['kind']!r}")
    return KINDS[data["kind"]].plan(data, root)
