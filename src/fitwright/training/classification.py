"""Fine-tune an encoder to classify text: from split rows and a folder of weights to a model directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.files import folder_lock, sha256_json
from fitwright.core.progress import Progress
from fitwright.data.dataset import DataSource
from fitwright.data.splitting import Splits
from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import copy_tokenizer, load_classifier, position_limit
from fitwright.spec.manifest import Manifest
from fitwright.training.batches import EncodedRows
from fitwright.training.checkpoint import drop_checkpoint
from fitwright.training.curves import event_file
from fitwright.training.directory import is_finished, weights_sha256, write_model_directory
from fitwright.training.history import History
from fitwright.training.loop import Run, device_type
from fitwright.training.settings import TrainSettings
from fitwright.training.step import Objective, cross_entropy

if TYPE_CHECKING:
    from torch import nn

TASK = "text-classification"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every stage that trains is given, beside its own settings.

    Attributes:
        splits, data: the rows, and the file that they came from.
        source: folder of the weights to start from.
        source_name: what the user called it.
        output: the model directory to make.
        provenance: versions, hardware, command (``core.provenance``), as JSON.
    """

    splits: Splits
    data: DataSource
    source: Path
    source_name: str
    output: Path
    provenance: dict[str, Any]
    overwrite: bool = False

    @property
    def work(self) -> Path:
        """Where the unfinished run keeps its checkpoint and curves; beside the output, hidden."""
        return self.output.parent / f".{self.output.name}.unfinished"


def data_record(job: Job, settings: TrainSettings) -> dict[str, Any]:
    """The manifest's ``data`` entry."""
    parts = (job.splits.train, job.splits.validation, job.splits.test)
    return {
        "fingerprint": job.data.fingerprint,
        "file": job.data.path.name,
        "rows": job.data.rows,
        "text_column": job.data.columns.text,
        "label_column": job.data.columns.label,
        "split": {"validation": settings.validation, "test": settings.test, "seed": settings.seed},
        "split_rows": [len(part) for part in parts],
    }


def run_key(job: Job, stage: str, settings: dict[str, Any]) -> str:
    """One hash of everything that decides the weights: stage, settings, data, starting weights."""
    plain = {k: v for k, v in settings.items() if k != "checkpoint_s"}
    return sha256_json([stage, plain, job.data.fingerprint, weights_sha256(job.source)])


def train_classifier(job: Job, settings: TrainSettings, progress: Progress) -> Path:
    """Fine-tune all weights of ``job.source``; returns the model directory.

    A finished output of the same run is returned as it is; an interrupted run is continued.
    """
    key = run_key(job, "train", settings.as_json())
    if is_finished(job.output, key, overwrite=job.overwrite):
        progress.say(f"{job.output}: already trained, nothing to do")
        return job.output
    import torch

    torch.manual_seed(settings.seed)
    model = load_classifier(job.source, job.splits.train.names)
    set_dropout(model, settings.dropout)
    execute(job, settings, model, cross_entropy, stage="train", key=key, progress=progress)
    return job.output


def execute(
    job: Job,
    settings: TrainSettings,
    model: nn.Module,
    objective: Objective,
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
    work = job.work / key[:16]
    with folder_lock(job.work):
        tokenizer = _tokenizer(job.source, max_length, work / "tokenizer")
        with event_file(work / "events") as curves:
            run = Run(
                model, objective,
                EncodedRows.encode(job.splits.train, tokenizer),
                EncodedRows.encode(job.splits.validation, tokenizer),
                settings, checkpoint=work / "checkpoint", progress=progress, curves=curves, also=also,
            )  # fmt: skip
            history = run.execute()
        manifest = Manifest(
            kind="model", stage=stage, task=TASK, labels=job.splits.train.names,
            made_from={"model": job.source_name, "sha256": weights_sha256(job.source), "key": key},
            data=data_record(job, settings), settings={**settings.as_json(), **(extra_settings or {})},
            seed=settings.seed, provenance=job.provenance, max_length=max_length,
        )  # fmt: skip
        write_model_directory(run.model.cpu(), job.source, job.output, manifest, history, work / "events")
    drop_checkpoint(job.work)
    return history


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


def _tokenizer(source: Path, max_length: int, converted: Path) -> TextTokenizer:
    if not (source / "tokenizer.json").is_file():
        converted.mkdir(parents=True, exist_ok=True)
        copy_tokenizer(source, converted)
        source = converted
    return TextTokenizer.load(source, max_length)
