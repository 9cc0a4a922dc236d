"""``train``: a labelled file and a model → a fine-tuned model directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.core.ray_cluster import Cluster
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
    replay: str | Path | None = None,
    sweep: str | None = None,
    trials: int = 12,
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
        model: a model directory, a catalogue name or a Hub id; from scratch a ``config.json``; two, for text
            to text, as ``ENCODER+DECODER``.
        output: the model directory to make; an interrupted run is continued, a finished one returned.
        text, label: short for these two roles in ``columns``.
        task: the kind of training (``training.tasks.names.TASK_NAMES``).
        columns: role → column, such as ``{"text": "review"}``; detected where not given.
        options: the task's own, by name.
        settings: of the loop.
        replay: the data that ``model`` was trained on: ``settings.replay_share`` of every step comes from its
            training part, and old and new task are measured before and after.
        sweep: settings to try, such as ``lr=1e-5..1e-3:log,batch=16|32``, or ``default``: the result is the
            best run's, with the table of all in ``sweep.json``.
        trials: runs of a sweep, the one with the settings as they are among them.
        overwrite: replace another result in ``output``.
        verify_resume: train once more, kill that run at a random step, resume it and compare the weights bit
            for bit; ``resume.json`` in the model directory says what came of it.
        engine: ``local`` (this process, and those that ``torchrun`` started beside it) or ``ray``.
        workers: of Ray: a number, or ``1-4`` for as many as there are; of a sweep so many trials at once.
        address: of the Ray cluster; one of this machine's own by default.
        progress: where progress is reported; nowhere by default. Ray takes it to a worker.
        command: recorded as what made the result.

    Returns:
        The model directory: Hugging Face layout, ``fitwright.json``, model card, ``history.json``, ``runs/``.

    Raises:
        DataError, UnknownModelError, UsageError: see the message. RunError: disk full, damaged checkpoint.
        CheckError: the resumed run's weights differ.
    """
    settings, progress = _settings(settings), progress or Silent()
    if sweep is not None and verify_resume:
        raise UsageError(
            "a sweep proves no resume", got="--sweep and --verify-resume", mend="Prove it on the best run."
        )
    command = command or f"fitwright.train({str(data)!r}, model={model!r})"
    single = "--verify-resume" if verify_resume else "--sweep" if sweep is not None else ""
    if engine not in ENGINES:
        raise UsageError("unknown engine", got=engine, allowed=", ".join(ENGINES))
    least, most = _workers(workers)
    cluster = None
    if engine == "ray" and sweep is not None:
        from fitwright.core.ray_cluster import Cluster

        cluster = Cluster(address=address, workers=most)
        data, model, output = Path(data).resolve(), _absolute(model), Path(output).resolve()
    elif engine == "ray":
        given = {
            "columns": _named(columns, text=text, label=label), "task": task, "options": options,
            "settings": settings, "replay": Path(replay).resolve() if replay is not None else None,
            "overwrite": overwrite, "progress": progress, "command": command,
        }  # fmt: skip
        return _elsewhere(single, least, most, address, data, model, output, given)
    from fitwright.training.distributed.world import joined

    with joined() as world:
        if world.size > 1:
            _refuse_several(single)
        progress = progress if world.is_first else Silent()
        job = _job(
            Path(data), model, Path(output), _task(task, options), _named(columns, text=text, label=label),
            settings, command, overwrite=overwrite, replay=replay,
        )  # fmt: skip
        for line in job.data.lines:
            progress.say(line)
        if sweep is not None:
            return _sweep(job, settings, sweep, trials, progress, cluster)
        return _train(job, settings, progress, verify_resume=verify_resume)


def _is_done(data: Path, model: str, output: Path, given: Mapping[str, Any]) -> bool:
    """Whether that very run is finished; what is wrong with its input is said before workers start."""
    from fitwright.training.directory import is_finished
    from fitwright.training.job import run_key

    job = _job(
        data, model, output, _task(given["task"], given["options"]), given["columns"], given["settings"],
        given["command"], overwrite=given["overwrite"], replay=given["replay"],
    )  # fmt: skip
    return is_finished(output, run_key(job, "train", given["settings"].as_json()), overwrite=job.overwrite)


def _refuse_several(single: str) -> None:
    """Raise where an option is for one process alone."""
    if single:
        raise UsageError(
            "this option is for one process", got=single, mend="Start the command without torchrun or Ray."
        )


def _workers(asked: str) -> tuple[int, int]:
    """The fewest and the most of a number or a range."""
    import re

    numbers = re.fullmatch(r"(?:([0-9]+)-)?([0-9]+)", asked)
    if numbers is None:
        raise UsageError("workers must be a number or a range", got=asked, allowed="2, 1-4 and the like")
    most = int(numbers[2])
    least = int(numbers[1] or most)
    if not 1 <= least <= most:
        raise UsageError("workers must be at least 1, and a range must rise", got=asked)
    return least, most


def _absolute(model: str) -> str:
    """Full paths of folders (of two, ``A+B``), since workers stand elsewhere; a name as it is."""
    parts = [model] if Path(model).exists() else model.split("+")
    return "+".join(str(Path(part).resolve()) if Path(part).exists() else part for part in parts)


def _elsewhere(
    single: str, least: int, most: int, address: str | None, data: str | Path, model: str,
    output: str | Path, given: dict[str, Any],
) -> Path:  # fmt: skip
    """The same call in every worker of Ray; paths are made absolute."""
    import functools
    import shutil

    from fitwright.training.distributed.ray_engine import on_ray
    from fitwright.training.job import unfinished

    _refuse_several(single)
    output, model = Path(output).resolve(), _absolute(model)
    if _is_done(Path(data), model, output, given):
        return output
    work = functools.partial(train, Path(data).resolve(), model=model, output=output, **given)
    notes = output.parent / f".{output.name}.ray"
    on_ray(work, workers=most, least=least, address=address, storage=notes, held=unfinished(output))
    shutil.rmtree(notes, ignore_errors=True)
    return output


def _settings(given: TrainSettings | None) -> TrainSettings:
    from fitwright.core.optional import require

    require("torch")
    from fitwright.training.settings import TrainSettings

    return given or TrainSettings()


def _task(name: str, options: Mapping[str, Any] | None) -> Task:
    from fitwright.training.tasks.registry import task_of

    return task_of(name, options)


def _train(job: Job, settings: TrainSettings, progress: Progress, *, verify_resume: bool) -> Path:
    from fitwright.training.job import train_model

    folder = train_model(job, settings, progress)
    if verify_resume:
        _verify(job, settings, progress)
    return folder


def _sweep(
    job: Job, settings: TrainSettings, space: str, trials: int, progress: Progress, cluster: Cluster | None
) -> Path:
    from fitwright.core.optional import require
    from fitwright.training.sweep.run import run_sweep
    from fitwright.training.sweep.shape import shape_of
    from fitwright.training.sweep.space import parse_space
    from fitwright.training.sweep.trial_run import SweepJob

    require("optuna")
    shape = shape_of(job.source)
    parameters = parse_space(space, settings, shape)
    return run_sweep(
        SweepJob(job=job, settings=settings, space=parameters, trials=trials, shape=shape), progress,
        cluster=cluster,
    )  # fmt: skip


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
    settings = _settings(settings)
    from fitwright.training.distributed.launch import launched
    from fitwright.training.range_test import range_test

    if launched().size > 1:
        _refuse_several("--find-lr")
    job = _job(
        Path(data), model, Path(output), _task(task, options), _named(columns, text=text, label=label),
        settings, command or "", overwrite=False,
    )  # fmt: skip
    return range_test(job, settings, progress or Silent())


def _job(
    data: Path, model: str, output: Path, task: Task, columns: Mapping[str, str], settings: TrainSettings,
    command: str, *, overwrite: bool, replay: str | Path | None = None,
) -> Job:  # fmt: skip
    from fitwright.training.continuation import read_old
    from fitwright.training.from_scratch import source_folder
    from fitwright.training.job import Job

    rows = task.read(data, columns, settings)
    source = source_folder(model, task, rows, settings)
    old = read_old(Path(replay), source, task, settings, rows) if replay is not None else None
    return Job(
        task=task, data=rows, source=source, source_name=model, output=output,
        provenance=provenance_json(command), overwrite=overwrite, old=old,
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
