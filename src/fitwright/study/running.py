"""The ladder is trained: small models side by side, each in a process with one thread; resumable."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fitwright.core.errors import FitwrightError, RunError
from fitwright.core.files import folder_lock
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Task
from fitwright.core.ray_cluster import Cluster
from fitwright.scaling.design.plan import PlannedCell, StudyPlan
from fitwright.study.finished import finished, write_runs
from fitwright.study.folder import StudyFolder
from fitwright.study.kinds import KINDS, FinishedRun, read_plan
from fitwright.study.on_ray import train_on_ray
from fitwright.study.telling import Listener, Teller


@dataclass
class _Worker:
    """A process that trains one cell after another, and the cell that it is at."""

    process: BaseProcess
    pipe: Connection
    cell: PlannedCell


def run_study(
    root: Path, progress: Progress, *, workers: int | None = None, threads: int | None = None,
    cluster: Cluster | None = None,
) -> tuple[FinishedRun, ...]:  # fmt: skip
    """Train every cell that is not trained yet, longest first; returns all finished ones.

    ``runs.csv`` is written after each cell. A second call goes on: finished cells are left alone, the others
    continue from their last checkpoint.

    Args:
        root: the study folder. workers: cells side by side; the plan's number unless told.
        threads: of each; all cores over the workers unless told.
        cluster: train in the workers of a Ray cluster, which see ``root`` under the same path, a thread each
            unless told.

    Raises:
        RunError: a cell failed; the others' results are kept.
    """
    folder, plan = StudyFolder(root.resolve()), read_plan(root)
    with folder_lock(root):
        done = finished(folder, plan)
        write_runs(folder, plan, done)
        left = [cell for cell in plan.cells if cell.name not in {run.cell.name for run in done}]
        if not left:
            progress.say(f"all {len(done)} cells are trained, nothing to do")
            return done
        if done:
            progress.say(f"{len(done)} of {len(plan.cells)} cells are trained already")
        for cell in left:
            KINDS[plan.kind].start(folder, plan, cell)  # written once, here: the processes only read
        count, total = workers or plan.workers, sum(cell.seconds for cell in plan.cells)
        title = "study (on Ray)" if cluster else f"study ({count} side by side)"
        with progress.task(title, total, "s of one thread") as task:
            task.advance(total - sum(cell.seconds for cell in left))
            left.sort(key=lambda cell: -cell.seconds)
            if cluster:
                train_on_ray(folder, plan, left, cluster, threads or 1, task)
            else:
                _train(folder, plan, left, count, threads or max(1, _cores() // count), task)
        return finished(folder, plan)


def _cores() -> int:
    from fitwright.core.provenance import usable_cores

    return usable_cores()


def _train(
    folder: StudyFolder, plan: StudyPlan, left: list[PlannedCell], count: int, threads: int, task: Task
) -> None:
    waiting, listener = list(left), Listener(left, task)
    with _processes() as workers:
        while waiting and len(workers) < count:
            workers.append(_start(folder.root, threads, waiting.pop(0)))
        while workers:
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(w for w in workers if w.pipe is pipe)
                if not _hear(worker, listener):
                    continue
                write_runs(folder, plan, finished(folder, plan))
                if waiting:
                    worker.cell = waiting.pop(0)
                    worker.pipe.send(worker.cell.name)
                else:
                    worker.pipe.send(None)
                    workers.remove(worker)
                    worker.process.join()


def _hear(worker: _Worker, listener: Listener) -> bool:
    """Take one message; whether the worker's cell is finished."""
    try:
        kind, value = worker.pipe.recv()
    except EOFError:
        worker.process.join()
        raise RunError(
            f"the process that trained cell {worker.cell.name} ended with exit code "
            f"{worker.process.exitcode}", mend="Run the same command again: it goes on where it stopped.",
        ) from None  # fmt: skip
    if kind == "failed":
        raise RunError(f"cell {worker.cell.name}: {value}")
    if kind == "moved":
        listener.hear(worker.cell.name, value)
    if kind == "finished":
        listener.hear(worker.cell.name, (1.0, "trained"))
    return bool(kind == "finished")


@contextlib.contextmanager
def _processes() -> Iterator[list[_Worker]]:
    """A list of workers, none of which outlives the block."""
    workers: list[_Worker] = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()


def _start(root: Path, threads: int, cell: PlannedCell) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(root, threads, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.send(cell.name)
    return _Worker(process=process, pipe=ours, cell=cell)


def _work(root: Path, threads: int, pipe: Connection) -> None:
    """The process: trains the cells that it is told, until it is told none or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends this one
    threading.Thread(target=_die_with_parent, daemon=True).start()
    folder, plan = StudyFolder(root), read_plan(root)
    cells, train = {cell.name: cell for cell in plan.cells}, KINDS[plan.kind].train
    try:
        torch: Any = require("torch")  # the parent does without
        torch.set_num_threads(threads)
        while (name := pipe.recv()) is not None:
            train(folder, plan, cells[name], Teller(lambda told: pipe.send(("moved", told))))
            pipe.send(("finished", None))
    except FitwrightError as error:
        pipe.send(("failed", str(error)))
    except (BrokenPipeError, EOFError):  # the parent is gone: what is done is kept in the checkpoint
        return


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
