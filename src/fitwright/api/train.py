"""``train``: a labelled file and a model → a fine-tuned model directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.training.classification import Job
    from fitwright.training.settings import TrainSettings


def train(
    data: str | Path,
    *,
    model: str,
    output: str | Path,
    text: str | None = None,
    label: str | None = None,
    settings: TrainSettings | None = None,
    overwrite: bool = False,
    verify_resume: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> Path:
    """Fine-tune ``model`` to classify the texts of ``data``.

    Args:
        data: CSV, TSV, JSON lines or Parquet with a text and a label column.
        model: a model directory, a catalogue name or a Hub id.
        output: the model directory to make; an interrupted run is continued, a finished one returned.
        text, label: column names; detected when not given.
        settings: of the loop.
        overwrite: replace another result in ``output``.
        verify_resume: train once more, kill that run at a random step, resume it and compare the weights bit
            for bit; ``resume.json`` in the model directory says what came of it.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made the result.

    Returns:
        The model directory: Hugging Face layout, ``fitwright.json``, model card, ``history.json``, ``runs/``.

    Raises:
        DataError, UnknownModelError, UsageError: see the message. RunError: disk full, damaged checkpoint.
        CheckError: the resumed run's weights differ.
    """
    from fitwright.core.optional import require

    require("torch")
    from fitwright.data.dataset import load_labelled
    from fitwright.data.profile import profile
    from fitwright.data.splitting import split
    from fitwright.modeling.sources import resolve_source
    from fitwright.training.classification import Job, train_classifier
    from fitwright.training.settings import TrainSettings

    settings, progress = settings or TrainSettings(), progress or Silent()
    dataset, source = load_labelled(Path(data), text=text, label=label)
    splits = split(dataset, validation=settings.validation, test=settings.test, seed=settings.seed)
    for line in profile(dataset, splits).lines():
        progress.say(line)
    job = Job(
        splits=splits, data=source, source=resolve_source(model), source_name=model, output=Path(output),
        provenance=provenance_json(command or f"fitwright.train({str(data)!r}, model={model!r})"),
        overwrite=overwrite,
    )  # fmt: skip
    folder = train_classifier(job, settings, progress)
    if verify_resume:
        _verify(job, settings, progress)
    return folder


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
