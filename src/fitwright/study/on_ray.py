"""The ladder is trained by a Ray cluster: each cell a task, which any node takes over from its checkpoint."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwright.core.files import wait_for_lock
from fitwright.core.optional import require
from fitwright.core.progress import Task
from fitwright.core.ray_cluster import Cluster, cpus_of, on_cluster
from fitwright.core.ray_tasks import side_by_side
from fitwright.scaling.design.plan import PlannedCell, StudyPlan
from fitwright.study.finished import finished, write_runs
from fitwright.study.folder import StudyFolder
from fitwright.study.kinds import KINDS, read_plan
from fitwright.study.telling import Listener, Teller
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
    hear = Listener(left, task).hear
    with on_cluster(cluster.address) as ray:
        most = cluster.workers or max(1, cpus_of(ray) // threads)
        work = functools.partial(_train, folder.root, threads)
        for name, _ in side_by_side(
            ray, work, (cell.name for cell in left), most=most, cpus=threads, hear=hear
        ):
            write_runs(folder, plan, finished(folder, plan))
            hear(name, (1.0, "trained"))


def _train(root: Path, threads: int, name: str, tell: Callable[[Any], None]) -> None:
    """In a worker: the cell of that name, from its beginning or from where it was."""
    require("torch").set_num_threads(threads)
    folder, plan = StudyFolder(root), read_plan(root)
    cell = next(cell for cell in plan.cells if cell.name == name)
    wait_for_lock(unfinished(folder.cell(cell)))
    KINDS[plan.kind].train(folder, plan, cell, Teller(tell))
