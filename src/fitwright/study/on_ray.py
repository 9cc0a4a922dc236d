"""The ladder is trained by a Ray cluster: each cell a task, which any node takes over from its checkpoint."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fitwright.core.files import wait_for_lock
from fitwright.core.optional import require
from fitwright.core.progress import Silent, Task
from fitwright.core.ray_cluster import Cluster, cpus_of, on_cluster
from fitwright.core.ray_tasks import side_by_side
from fitwright.scaling.design.plan import PlannedCell, StudyPlan
from fitwright.study.finished import finished, write_runs
from fitwright.study.folder import StudyFolder
from fitwright.study.kinds import KINDS, read_plan
from fitwright.training.job import unfinished


def train_on_ray(
    folder: StudyFolder, plan: StudyPlan, left: list[PlannedCell], cluster: Cluster, threads: int, task: Task
) -> None:
    """Train those cells, in that order; ``runs.csv`` is written after each.

    Args:
        left: cells that are not trained yet.
        cluster: where, and how many cells at once.
        threads: of each.
        task: is told how far it is.

    Raises:
        FitwrightError: a cell failed; the others' results are kept.
    """
    cells = {cell.name: cell for cell in left}
    done = dict.fromkeys(cells, 0.0)

    def hear(name: str, told: tuple[float, str]) -> None:
        share, note = told
        task.advance(max(0.0, share - done[name]) * cells[name].seconds, note=f"{name}: {note}")
        done[name] = max(share, done[name])

    with on_cluster(cluster.address) as ray:
        most = cluster.workers or max(1, cpus_of(ray) // threads)
        work = functools.partial(_train, folder.root, threads)
        for name, _ in side_by_side(ray, work, iter(cells), most=most, cpus=threads, hear=hear):
            write_runs(folder, plan, finished(folder, plan))
            hear(name, (1.0, "trained"))


def _train(root: Path, threads: int, name: str, tell: Callable[[Any], None]) -> None:
    """In a worker: the cell of that name, from its beginning or from where it was."""
    require("torch").set_num_threads(threads)
    folder, plan = StudyFolder(root), read_plan(root)
    cell = next(cell for cell in plan.cells if cell.name == name)
    wait_for_lock(unfinished(folder.cell(cell)))
    KINDS[plan.kind].train(folder, plan, cell, _Teller(tell))


class _Teller(Silent):
    """Progress that goes to whoever waits for the cell: which share of its steps is done."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.tell, self.done, self.total = tell, 0.0, 1.0

    @contextlib.contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:  # noqa: ARG002
        self.done, self.total = 0.0, total or 1.0
        yield self

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self.done += amount
        self.tell((self.done / self.total, note))
