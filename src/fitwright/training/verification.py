"""Proof of exact resume on the user's own job: train again, kill that run, resume it, compare every bit."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import RunError
from fitwright.core.files import read_json, write_json
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent, Task
from fitwright.modeling.comparison import compare_weights
from fitwright.training.checkpoint import COUNTERS_NAME
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings

PROOF_NAME = "resume.json"
CHECKPOINT_S = 2.0
"""Seconds between checkpoints of the run that is killed: short, so that there is something to resume."""


@dataclass(frozen=True, kw_only=True)
class ResumeProof:
    """What came of it.

    Attributes:
        steps: of the whole run.
        killed_at_step: after this step the second run was killed (SIGKILL).
        resumed_at: epoch and step in it, from 0, of the checkpoint that it went on from; ``None`` where it
            was killed before the first one, and so began anew.
        tensors: that were compared.
        different: names of those in which a bit differs.
    """

    steps: int
    killed_at_step: int
    resumed_at: tuple[int, int] | None
    tensors: int
    different: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every bit of the resumed run's weights is that of the uninterrupted one."""
        return not self.different

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "identical": self.identical}


def total_steps(folder: Path) -> int:
    """Optimiser steps of a finished model directory's run."""
    return read_history(folder).points[-1].step


def verify_resume(job: Job, settings: TrainSettings, kill_at: int, progress: Progress) -> ResumeProof:
    """Train ``job`` again beside its finished output, kill that run after step ``kill_at``, resume, compare.

    Both runs of the proof are processes of their own. The proof is kept in the model directory.

    Args:
        job, settings: of the finished run.
        kill_at: from 1 to the run's steps.
        progress: where it is told.
    """
    torch = require("torch")
    history, steps = read_history(job.output), total_steps(job.output)
    scene = job.output.parent / f".{job.output.name}.resume-check"
    shutil.rmtree(scene, ignore_errors=True)
    replica = replace(job, output=scene / "model", overwrite=True)
    same = settings.but(
        precision=history.precision, packing=history.packing, attention_backend=history.attention_backend,
        checkpoint_s=CHECKPOINT_S,
    )  # fmt: skip
    try:
        with progress.task("verify resume", 2, "runs") as task:
            task.advance(0, note=f"to be killed after step {kill_at} of {steps}")
            _run(replica, same, kill_at, torch.get_num_threads())
            resumed_at = _position(replica.work)
            task.advance(1, note="resuming")
            _run(replica, same, None, torch.get_num_threads())
            task.advance(1, note="comparing")
        found = compare_weights(job.output, replica.output)
    finally:
        shutil.rmtree(scene, ignore_errors=True)
    proof = ResumeProof(
        steps=steps,
        killed_at_step=kill_at,
        resumed_at=resumed_at,
        tensors=found.tensors,
        different=found.different,
    )
    write_json(job.output / PROOF_NAME, proof.as_json())
    return proof


def _position(work: Path) -> tuple[int, int] | None:
    """Where the newest checkpoint under a work folder stands."""
    for path in sorted(work.rglob(COUNTERS_NAME)):
        counters = read_json(path, what="checkpoint")
        return int(counters["epoch"]), int(counters["step_in_epoch"])
    return None


def _run(job: Job, settings: TrainSettings, kill_at: int | None, threads: int) -> None:
    """Train in a process of its own, which is killed after that step, or ends well."""
    process = multiprocessing.get_context("spawn").Process(
        target=_train, args=(job, settings, kill_at, threads), daemon=True
    )
    process.start()
    try:
        process.join()
    finally:
        process.kill()
        process.join()
    expected = 0 if kill_at is None else -signal.SIGKILL
    if process.exitcode != expected:
        raise RunError(
            f"the second run ended with exit code {process.exitcode} instead of {expected}",
            mend="Its own message stands above.",
        )


def _train(job: Job, settings: TrainSettings, kill_at: int | None, threads: int) -> None:
    """The process: only its death or its weights matter."""
    require("torch").set_num_threads(threads)
    train_model(job, settings, Silent() if kill_at is None else _Killer(kill_at))


class _Killer(Silent):
    """Progress that ends its process, without a chance to clean up, after that many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:  # noqa: ARG002
        yield self

    def advance(self, amount: float = 1.0, note: str = "") -> None:  # noqa: ARG002
        self.left -= bool(note)  # a position that a resumed run starts from has none
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
