"""``compress``: a fine-tuned model, its data and a budget → the first smaller model that meets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.compression.search import Found, SearchSettings, Source
    from fitwright.data.dataset import DataSource
    from fitwright.data.splitting import Splits
    from fitwright.spec.manifest import Manifest
    from fitwright.training.classification import Job


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


def compress(
    model: str | Path,
    data: str | Path,
    *,
    output: str | Path,
    budget: str,
    text: str | None = None,
    label: str | None = None,
    epochs: int = 4,
    settings: SearchSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> Compressed:
    """Shrink ``model`` until ``budget`` holds: int8 first, then students of fewer layers, taught by it.

    Args:
        model: model directory of a text classifier, as ``train`` makes it.
        data: what it was trained on; the split that its manifest names is made again.
        output: the smaller model's directory, with the engine that serves.
        budget: in the budget grammar; ``max-drop`` is the quality gate.
        epochs: of every distillation, where ``settings`` are not given.
        settings: of the search; their budget wins over ``budget``.

    Raises:
        DataError, UsageError: see the message. RunError: disk full and the like.
    """
    from fitwright.api.train import provenance_json
    from fitwright.compression.search import search
    from fitwright.core.files import folder_lock, sha256_json
    from fitwright.pipeline.bundle import assemble
    from fitwright.pipeline.settings import FitSettings
    from fitwright.training.checkpoint import drop_checkpoint
    from fitwright.training.classification import Job, run_key
    from fitwright.training.directory import is_finished

    progress, folder = progress or Silent(), Path(model)
    manifest = _manifest(folder)
    settings = settings or FitSettings(budget=budget, distil_epochs=epochs).search()
    source, splits = _rows(Path(data), text, label, manifest, progress)
    job = Job(
        splits=splits, data=source, source=folder, source_name=str(model), output=Path(output),
        provenance=provenance_json(command or f"fitwright.compress({str(model)!r}, {str(data)!r})"),
    )  # fmt: skip
    key = sha256_json([run_key(job, "compress", settings.train.as_json()), str(settings.budget)])
    if is_finished(job.output, key, overwrite=overwrite):
        progress.say(f"{output}: already compressed, nothing to do")
        return _read(job.output)
    work = job.work / key[:16]
    with folder_lock(job.work):
        found = search(_source(job, manifest, settings, work), settings, work, progress)
        nearest = found.nearest
        assert nearest.model is not None and nearest.directory is not None  # noqa: S101, PT018  # it was measured
        assert nearest.measured is not None and nearest.source is not None  # noqa: S101, PT018
        parent = _manifest(nearest.model)
        parent = replace(parent, made_from={**parent.made_from, "key": key})
        assemble(
            nearest.model, nearest.directory, job.output, parent=parent,
            records=(nearest.source, nearest.measured), stage="compress", provenance=job.provenance,
            settings={"budget": str(settings.budget)}, more={SUMMARY_NAME: _summary(found)},
        )  # fmt: skip
    drop_checkpoint(job.work)
    return _read(job.output)


def _summary(found: Found) -> dict[str, Any]:
    nearest, binding = found.nearest, found.binding
    return {
        "met": found.chosen is not None, "chosen": nearest.as_json(),
        "source": nearest.source.as_json() if nearest.source else None,
        "binding": binding.as_json() if binding else None,
        "tried": [row.as_json() for row in found.tried],
    }  # fmt: skip


def _read(output: Path) -> Compressed:
    from fitwright.core.files import read_json

    summary = read_json(output / SUMMARY_NAME, what="summary of the compression")
    return Compressed(directory=output, met=summary.pop("met"), summary=summary)


def _manifest(folder: Path) -> Manifest:
    from fitwright.core.errors import UsageError
    from fitwright.spec.manifest import MANIFEST_NAME, Manifest

    if folder.is_dir() and not (folder / MANIFEST_NAME).is_file():
        raise UsageError(
            "the model directory has no fitwright.json, so its training split is unknown", got=str(folder),
            mend="Train it with 'fitwright train', or let 'fitwright fit --model' do everything.",
        )  # fmt: skip
    return Manifest.read(folder)


def _rows(
    data: Path, text: str | None, label: str | None, manifest: Manifest, progress: Progress
) -> tuple[DataSource, Splits]:
    """The data, split as it was for training; a warning where the file is another."""
    from fitwright.data.dataset import load_labelled
    from fitwright.data.splitting import split

    columns = manifest.data
    dataset, source = load_labelled(
        data, text=text or columns.get("text_column"), label=label or columns.get("label_column"),
        names=manifest.labels,
    )  # fmt: skip
    if source.fingerprint != columns.get("fingerprint"):
        progress.say(
            "warning: this is not the file that the model was trained on; it may have seen rows held out here"
        )
    how = columns.get("split") or {}
    return source, split(dataset, **how)


def _source(job: Job, manifest: Manifest, settings: SearchSettings, work: Path) -> Source:
    """The model to shrink with its measured baseline, which is stored so that a second run reads it."""
    from fitwright.catalog.local import read_model_directory
    from fitwright.compression.prediction import Lengths
    from fitwright.compression.search import Source
    from fitwright.core.files import read_json, write_json
    from fitwright.data.tokens import TextTokenizer
    from fitwright.evaluation.evaluate import evaluate
    from fitwright.sizing.devices import detect
    from fitwright.spec.record import Record

    stored = work / "baseline.json"
    if not stored.is_file():
        found = evaluate(
            job.source, job.splits.validation, engine="torch", settings=settings.evaluation,
            context={"split": "validation"},
        )  # fmt: skip
        write_json(stored, found.candidate.as_json())
    tokenizer = TextTokenizer.load(job.source, manifest.max_length or 512)
    lengths = Lengths.of([len(row) for row in tokenizer.encode(list(job.splits.validation.texts))])
    return Source(
        job=job, spec=read_model_directory(job.source), device=detect(), lengths=lengths,
        baseline=Record.from_json(read_json(stored)),
    )  # fmt: skip
