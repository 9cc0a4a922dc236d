"""``train``: a labelled file and a model → a fine-tuned model directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.training.job import Job
    from fitwright.training.range_test import RangeTest
    from fitwright.training.settings import TrainSettings
    from fitwright.training.tasks.interface import Task

ENGINES = ("local", "ray")


def train(
    data: str | Path,
    *,
    model: str,
    output: str | Path,
    text: str | None = None,
    label: str | None = None,
    task: str = "text-classification",
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    settings: TrainSettings | None = None,
    overwrite: bool = False,
    verify_resume: bool = False,
    engine: str = "local",
    workers: str = "1",
    address: str | None = None,
    progress: Progress | None = None,
    command: str | None = None,
) -> Path:
    """Train ``model`` on ``data``. Started by ``torchrun``, the processes train it together.

    Args:
        data: for text classification a table with a text and a label column; see ``docs/train.md``.
        model: a model directory, a catalogue name or a Hub id.
        output: the model directory to make; an interrupted run is continued, a finished one returned.
        text, label: short for these two roles in ``columns``.
        task: the kind of training (``training.tasks.names.TASK_NAMES``).
        columns: role → column, such as ``{"text": "review"}``; detected where not given.
        options: the task's own, by name.
        settings: of the loop.
        overwrite: replace another result in ``output``.
        verify_resume: train once more, kill that run at a random step, resume it and compare the weights bit
            for bit; ``resume.json`` in the model directory says what came of it.
        engine: ``local`` (this process, and those that ``torchrun`` started beside it) or ``ray``.
        workers: of Ray: a number, or ``1-4`` for as many as there are.
        address: of the Ray cluster; one of this machine's own by default.
        progress: where progress is reported; nowhere by default. Ray takes it to a worker.
        command: recorded as what made the result.

    Returns:
        The model directory: Hugging Face layout, ``fitwright.json``, model card, ``history.json``, ``runs/``.

    Raises:
        DataError, UnknownModelError, UsageError: see the message. RunError: disk full, damaged checkpoint.
        CheckError: the resumed run's weights differ.
    """
    from fitwright.core.errors import UsageError
    from fitwright.core.optional import require

    require("torch")
    from fitwright.training.distributed.world import joined
    from fitwright.training.job import train_model
    from fitwright.training.settings import TrainSettings
    from fitwright.training.tasks.registry import task_of

    settings, progress = settings or TrainSettings(), progress or Silent()
    if engine not in ENGINES:
        raise UsageError("unknown engine", got=engine, allowed=", ".join(ENGINES))
    if engine == "ray":
        if verify_resume:
            raise UsageError("the proof of exact resume is for one process", got="engine ray")
        given = {
            "text": text, "label": label, "task": task, "columns": columns, "options": options,
            "settings": settings, "overwrite": overwrite, "progress": progress, "command": command,
        }  # fmt: skip
        return _on_ray(data, model, output, given, workers, address)
    with joined() as world:
        if verify_resume and world.size > 1:
            raise UsageError(
                "the proof of exact resume is for one process", got=f"{world.size} processes",
                mend="Leave --verify-resume out, or start the command without torchrun.",
            )  # fmt: skip
        job = _job(
            Path(data), model, Path(output), task_of(task, options),
            _named(columns, text=text, label=label), settings,
            command or f"fitwright.train({str(data)!r}, model={model!r})", overwrite=overwrite,
        )  # fmt: skip
        for line in job.data.lines:
            progress.say(line)
        folder = train_model(job, settings, progress)
        if verify_resume:
            _verify(job, settings, progress)
    return folder


def _on_ray(
    data: str | Path, model: str, output: str | Path, given: dict[str, Any], workers: str, address: str | None
) -> Path:  # fmt: skip
    """The same call in every worker; paths are made absolute, since workers stand elsewhere."""
    import functools
    import re
    import shutil

    from fitwright.core.errors import UsageError
    from fitwright.training.distributed.ray_engine import on_ray

    numbers = re.fullmatch(r"(?:([0-9]+)-)?([0-9]+)", workers)
    if numbers is None:
        raise UsageError("workers must be a number or a range", got=workers, allowed="2, 1-4 and the like")
    output = Path(output).resolve()
    model = str(Path(model).resolve()) if Path(model).exists() else model
    work = functools.partial(train, Path(data).resolve(), model=model, output=output, **given)
    notes = output.parent / f".{output.name}.ray"
    most = int(numbers[2])
    on_ray(work, workers=most, least=int(numbers[1] or most), address=address, storage=notes)
    shutil.rmtree(notes, ignore_errors=True)
    return output


def find_learning_rate(
    data: str | Path, *, model: str, output: str | Path = "unused", text: str | None = None,
    label: str | None = None, task: str = "text-classification", columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None, settings: TrainSettings | None = None,
    progress: Progress | None = None, command: str | None = None,
) -> RangeTest:  # fmt: skip
    """Look for a learning rate: a short run whose rate rises until the loss blows up; nothing is kept of it.

    Takes what :func:`train` takes; ``output`` is not written.

    Returns:
        The rates and losses of the steps, and the suggested rate.
    """
    from fitwright.core.optional import require

    require("torch")
    from fitwright.training.range_test import range_test
    from fitwright.training.settings import TrainSettings
    from fitwright.training.tasks.registry import task_of

    settings = settings or TrainSettings()
    job = _job(
        Path(data), model, Path(output), task_of(task, options), _named(columns, text=text, label=label),
        settings, command or "", overwrite=False,
    )  # fmt: skip
    return range_test(job, settings, progress or Silent())


def _job(
    data: Path, model: str, output: Path, task: Task, columns: Mapping[str, str], settings: TrainSettings,
    command: str, *, overwrite: bool,
) -> Job:  # fmt: skip
    from fitwright.modeling.sources import resolve_source
    from fitwright.training.job import Job

    return Job(
        task=task, data=task.read(data, columns, settings), source=resolve_source(model, scratch=True),
        source_name=model, output=output, provenance=provenance_json(command), overwrite=overwrite,
    )  # fmt: skip


def _named(columns: Mapping[str, str] | None, **short: str | None) -> dict[str, str]:
    """Role → column, of both ways to say it."""
    return {**(columns or {}), **{role: name for role, name in short.items() if name}}


def _verify(job: Job, settings: TrainSettings, progress: Progress) -> None:
    import random

    from fitwright.core.errors import CheckError
    from fitwright.training.verification import total_steps, verify_resume

    kill_at = random.randint(1, total_steps(job.output))  # noqa: S311
    proof = verify_resume(job, settings, kill_at, progress)
    told = f"resume: killed after step {kill_at} of {proof.steps} and resumed"
    if not proof.identical:
        raise CheckError(
            f"{told}, {len(proof.different)} of {proof.tensors} tensors differ, {proof.different[0]} first",
            mend="Report it with resume.json of the model directory: an interrupted run should lose nothing.",
        )
    progress.say(f"{told}, all {proof.tensors} tensors have the same bits")


def provenance_json(command: str) -> dict[str, Any]:
    """This process's provenance, stamped with the present time (UTC)."""
    from datetime import UTC, datetime

    from fitwright.core.provenance import capture

    return capture(command, datetime.now(UTC).isoformat(timespec="seconds")).as_json()
