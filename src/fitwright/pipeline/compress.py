"""``compress`` alone: a trained model, its data and a budget → one smaller model directory that serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.catalog.local import read_model_directory
from fitwright.compression.prediction import Lengths
from fitwright.compression.search import Found, SearchSettings, Source, search
from fitwright.core.errors import UsageError
from fitwright.core.files import folder_lock, read_json, sha256_json, write_json
from fitwright.core.progress import Progress
from fitwright.data.dataset import DataSource, load_labelled
from fitwright.data.splitting import Splits, split
from fitwright.data.tokens import TextTokenizer
from fitwright.evaluation.evaluate import evaluate
from fitwright.modeling.own import refuse_local_attention
from fitwright.pipeline.bundle import assemble
from fitwright.sizing.devices import detect
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.spec.record import Record
from fitwright.training.checkpoint import drop_checkpoint
from fitwright.training.directory import is_finished
from fitwright.training.job import Job, run_key
from fitwright.training.tasks.text_classification import TextClassification, task_data
from fitwright.training.threads import keep_torch_threads

SUMMARY_NAME = "compression.json"


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """What :func:`compress` made.

    Attributes:
        directory: the first candidate that met the budget on the validation part, or the nearest one.
        met: whether it does.
        summary: plain JSON, kept in the folder: ``chosen`` (with its budget lines), ``source``, ``binding``
            and every candidate ``tried``.
    """

    directory: Path
    met: bool
    summary: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"model": str(self.directory), "met": self.met, **self.summary}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to compress: the model directory, its data file and columns, and where the result goes."""

    model: Path
    data: Path
    output: Path
    provenance: dict[str, Any]
    text: str | None = None
    label: str | None = None
    overwrite: bool = False


def compress(request: Request, settings: SearchSettings, progress: Progress) -> Compressed:
    """Search for the first smaller model that meets the budget and write its directory.

    A finished output of the same request is returned as it is; an interrupted search is continued.
    Students are taught with the split and the length of the model's own manifest, whatever ``settings`` say.

    Raises:
        UsageError: the model attends within windows; no manifest, so no known split; an output folder that
            holds something else.
    """
    if request.output.resolve() == request.model.resolve():
        raise UsageError("the smaller model cannot replace the one it is made of", got=str(request.output))
    refuse_local_attention(request.model, "be compressed")
    manifest = _manifest(request.model)
    data, splits = _rows(request, manifest, progress)
    known = manifest.data.get("split") or {}
    train = settings.train.but(max_length=manifest.max_length or settings.train.max_length, **known)
    settings = replace(settings, train=train)
    job = Job(
        task=TextClassification(), data=task_data(data, splits), source=request.model,
        source_name=str(request.model), output=request.output, provenance=request.provenance,
    )  # fmt: skip
    key = _key(job, settings)
    if is_finished(job.output, key, overwrite=request.overwrite):
        progress.say(f"{request.output}: already compressed, nothing to do")
        return _read(job.output)
    work = job.work / key[:16]
    with folder_lock(job.work):
        found = search(_source(job, manifest, settings, work, progress), settings, work, progress)
        _write(job, found, key, settings)
    drop_checkpoint(job.work)
    return _read(job.output)


def _key(job: Job, settings: SearchSettings) -> str:
    """One hash of everything that decides which model is chosen."""
    return sha256_json([
        run_key(job, "compress", settings.train.as_json()), asdict(settings.budget),
        asdict(settings.evaluation), settings.temperature, settings.hidden_weight,
    ])  # fmt: skip


def _write(job: Job, found: Found, key: str, settings: SearchSettings) -> None:
    nearest = found.nearest
    if (
        nearest.model is None
        or nearest.directory is None
        or nearest.measured is None
        or nearest.source is None
    ):
        raise UsageError("the search ended without a measured candidate")
    parent = _manifest(nearest.model)
    assemble(
        nearest.model, nearest.directory, job.output, stage="compress", provenance=job.provenance,
        parent=replace(parent, made_from={**parent.made_from, "key": key}),
        records=(nearest.source, nearest.measured), settings={"budget": str(settings.budget)},
        more={SUMMARY_NAME: _summary(found)},
    )  # fmt: skip


def _summary(found: Found) -> dict[str, Any]:
    nearest, binding = found.nearest, found.binding
    return {
        "met": found.chosen is not None, "chosen": nearest.as_json(),
        "source": nearest.source.as_json() if nearest.source else None,
        "binding": binding.as_json() if binding else None,
        "tried": [row.as_json() for row in found.tried],
    }  # fmt: skip


def _read(output: Path) -> Compressed:
    summary = read_json(output / SUMMARY_NAME, what="summary of the compression")
    return Compressed(directory=output, met=summary.pop("met"), summary=summary)


def _manifest(folder: Path) -> Manifest:
    if folder.is_dir() and not (folder / MANIFEST_NAME).is_file():
        raise UsageError(
            "the model directory has no fitwright.json, so its training split is unknown", got=str(folder),
            mend="Train it with 'fitwright train', or let 'fitwright fit --model' do everything.",
        )  # fmt: skip
    return Manifest.read(folder)


def _rows(request: Request, manifest: Manifest, progress: Progress) -> tuple[DataSource, Splits]:
    """The data, split as it was for training; a warning where the file is another."""
    known = manifest.data
    columns = known.get("columns", {})
    dataset, source = load_labelled(
        request.data, text=request.text or columns.get("text"),
        label=request.label or columns.get("label"), names=manifest.labels,
    )  # fmt: skip
    if source.fingerprint != known.get("fingerprint"):
        progress.say(
            "warning: this is not the file that the model was trained on; it may have seen rows held out here"
        )
    return source, split(dataset, **(known.get("split") or {}))


def _source(job: Job, manifest: Manifest, settings: SearchSettings, work: Path, progress: Progress) -> Source:
    """The model to shrink with its measured baseline, which is stored so that a second run reads it."""
    stored = work / "baseline.json"
    if not stored.is_file():
        with keep_torch_threads():
            found = evaluate(
                job.source, job.data.validation, engine="torch", settings=settings.evaluation,
                context={"split": "validation"}, keep_as="compress", progress=progress,
            )  # fmt: skip
        write_json(stored, found.candidate.as_json())
    tokenizer = TextTokenizer.load(job.source, manifest.max_length or 512)
    lengths = Lengths.of([len(row) for row in tokenizer.encode(list(job.data.validation.texts))])
    return Source(
        job=job, spec=read_model_directory(job.source), device=detect(settings.evaluation.threads),
        lengths=lengths, baseline=Record.from_json(read_json(stored)),
    )  # fmt: skip
