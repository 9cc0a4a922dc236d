"""One training run from its inputs to its model directory: any task, the same loop."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.files import folder_lock, sha256_json
from fitwright.core.progress import Progress
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import position_limit
from fitwright.modeling.local_attention import LocalAttention, use_local_attention
from fitwright.spec.manifest import Manifest
from fitwright.training.batches import Rows
from fitwright.training.checkpoint import drop_checkpoint
from fitwright.training.continuation import Continuation, OldData
from fitwright.training.coupled import Coupled
from fitwright.training.curves import event_file
from fitwright.training.directory import is_finished, weights_sha256, write_model_directory
from fitwright.training.distributed.world import World, current_world
from fitwright.training.history import History
from fitwright.training.loop import Run, Watch
from fitwright.training.method import apply_method, merge_lora, parameter_counts, rate_hint
from fitwright.training.settings import TrainSettings
from fitwright.training.step import Objective, objective_of
from fitwright.training.tasks.interface import Metric, Task, TaskData
from fitwright.training.tasks.registry import options_of

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every stage that trains is given, beside its own settings.

    Attributes:
        task: the kind of training.
        data: the rows, and the file that they came from.
        source: folder of the weights to start from.
        source_name: what the user called it.
        output: the model directory to make.
        provenance: versions, hardware, command (``core.provenance``), as JSON.
        old: what the source was trained on, where that is not to be lost.
        watch: is told of every epoch.
    """

    task: Task
    data: TaskData
    source: Path
    source_name: str
    output: Path
    provenance: dict[str, Any]
    overwrite: bool = False
    old: OldData | None = None
    watch: Watch | None = None

    @property
    def metric(self) -> Metric:
        """What chooses the epoch."""
        return self.data.metric or self.task.metric

    @property
    def work(self) -> Path:
        """Where the unfinished run keeps its checkpoint and curves; beside the output, hidden."""
        return unfinished(self.output)


def unfinished(output: Path) -> Path:
    """The work folder of a run that makes ``output``."""
    return output.parent / f".{output.name}.unfinished"


def device_type() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def data_record(job: Job, settings: TrainSettings) -> dict[str, Any]:
    """The manifest's ``data`` entry."""
    data = job.data
    return {
        "fingerprint": data.source.fingerprint,
        "file": data.source.path.name,
        "rows": data.source.rows,
        "columns": dict(data.columns),
        "split": {"validation": settings.validation, "test": settings.test, "seed": settings.seed},
        "split_rows": [len(part) for part in (data.train, data.validation, data.test)],
        **({"replay": job.old.as_json()} if job.old is not None else {}),
    }


def run_key(job: Job, stage: str, settings: dict[str, Any]) -> str:
    """One hash of all that decides the weights: stage, task, settings, data, starting weights."""
    plain = {k: v for k, v in settings.items() if k not in ("checkpoint_s", "parallel")}
    task = [job.task.name, options_of(job.task)]
    old = [job.old.data.source.fingerprint] if job.old is not None else []
    return sha256_json([stage, task, plain, job.data.source.fingerprint, weights_sha256(job.source), *old])


def train_model(job: Job, settings: TrainSettings, progress: Progress) -> Path:
    """Train ``job.source``; returns the model directory.

    A finished output of the same run is returned as it is; an interrupted run is continued.
    """
    key, world = run_key(job, "train", settings.as_json()), current_world()
    world.check_same(key)
    if world.first(lambda: is_finished(job.output, key, overwrite=job.overwrite)):
        progress.say(f"{job.output}: already trained, nothing to do")
        return job.output
    import torch

    torch.manual_seed(settings.seed)
    model = job.task.load_model(job.source, job.data)
    set_dropout(model, settings.dropout)
    apply_method(model, settings)
    if (hint := rate_hint(settings)) is not None:
        progress.say(hint)
    execute(job, settings, model, objective_of(job.task), stage="train", key=key, progress=progress)
    return job.output


def execute(
    job: Job,
    settings: TrainSettings,
    model: nn.Module,
    objective: Objective | Coupled,
    *,
    stage: str,
    key: str,
    progress: Progress,
    extra_settings: dict[str, Any] | None = None,
    also: tuple[nn.Module, ...] = (),
) -> History:
    """Run the loop in the job's work folder, then write the model directory and clear the work folder.

    ``also``: other models that the objective runs on the batches.
    """
    max_length = position_limit(model, settings.max_length)
    choose_training_attention(model, device_type(), max_length)
    set_attention_window(model, settings)
    task, world = job.task, current_world()
    with work_folder(job, world) as folder:
        work = folder / key[:16]
        encode = _encoder(job, work, max_length)
        training, validation = encode(job.data.train), encode(job.data.validation)
        for note in getattr(training, "notes", ()):
            progress.say(note)
        continuation = _continuation(job, encode)
        if continuation is not None:
            continuation.measure_before(model, work)
            training = continuation.rows(training, settings.replay_share)
        with event_file(work / "events", write=world.is_first) as curves:
            run = Run(
                model, task, training, validation, settings, objective=objective, watch=job.watch,
                checkpoint=work / "checkpoint", progress=progress, curves=curves, also=also,
                metric=job.metric,
            )  # fmt: skip
            history = run.execute()

        def finish() -> History:
            return _write(
                job, run, history, continuation, work, stage=stage, key=key, settings=settings,
                max_length=max_length, extra_settings=extra_settings,
            )  # fmt: skip

        history = world.first(finish)
    world.first(lambda: drop_checkpoint(job.work))
    return history


def _write(
    job: Job, run: Run, history: History, continuation: Continuation | None, work: Path, *,
    stage: str, key: str, settings: TrainSettings, max_length: int,
    extra_settings: dict[str, Any] | None,
) -> History:  # fmt: skip
    """Write the model directory of a run that is done; what became of the history."""
    trained, _ = parameter_counts(run.model)
    adapter = merge_lora(run.model)
    history = replace(
        history, method=settings.method, trained_parameters=trained,
        total_parameters=parameter_counts(run.model)[1],
        continued=continuation.side_by_side(run.model) if continuation is not None else {},
    )  # fmt: skip
    manifest = Manifest(
        kind="model", stage=stage, task=job.task.name, labels=job.data.labels,
        made_from={"model": job.source_name, "sha256": weights_sha256(job.source), "key": key},
        data=data_record(job, settings),
        settings={**settings.as_json(), "task": options_of(job.task), **(extra_settings or {})},
        seed=settings.seed, provenance=job.provenance, max_length=max_length,
    )  # fmt: skip
    write_model_directory(
        run.model.cpu(), job.output, manifest, history, work / "events", task=job.task, source=job.source,
        adapter=adapter,
    )  # fmt: skip
    return history


def _encoder(job: Job, work: Path, max_length: int) -> Callable[[Any], Rows]:
    def encode(part: Any) -> Rows:
        return job.task.encode(part, job.source, work, max_length)

    return encode


def _continuation(job: Job, encode: Callable[[Any], Rows]) -> Continuation | None:
    import torch

    if job.old is None:
        return None
    return Continuation(job.old, job.data, job.task, encode, torch.device(device_type()))


@contextlib.contextmanager
def work_folder(job: Job, world: World) -> Iterator[Path]:
    """The job's work folder, for this process alone: that of rank 0 stays, others have one for the while."""
    with contextlib.ExitStack() as stack:

        def lock() -> None:
            stack.enter_context(folder_lock(job.work))

        world.first(lock)
        yield job.work if world.is_first else Path(stack.enter_context(tempfile.TemporaryDirectory()))


def set_attention_window(model: nn.Module, settings: TrainSettings) -> None:
    """Have the model attend within the window that the settings name, if they do.

    Raises:
        UsageError: this model cannot.
    """
    if settings.attention_window is not None:
        local = LocalAttention(window=settings.attention_window, above=settings.attention_window_above)
        use_local_attention(model, local)


def set_dropout(model: nn.Module, probability: float | None) -> None:
    """Set every dropout of the model, those inside attention included; ``None`` changes nothing."""
    if probability is None:
        return
    from torch.nn import Dropout

    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = probability
        for name in ("attention_dropout", "dropout", "dropout_prob"):  # attention keeps some as plain numbers
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, probability)
