"""Sequence classification: a text, one of several classes.

Legend of shape suffixes: B rows of a batch, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.data.dataset import DataSource, LabelledText, load_labelled
from fitwright.data.profile import profile
from fitwright.data.splitting import Splits, split
from fitwright.modeling.classifier import load_classifier, save_classifier
from fitwright.training.batches import Batch, EncodedRows, Rows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.text import fast_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class TextClassification:
    """The task."""

    name: ClassVar[str] = "text-classification"
    metric: ClassVar[Metric] = Metric(name="accuracy")

    def options(self) -> dict[str, Any]:
        return asdict(self)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_labelled(path, text=columns.get("text"), label=columns.get("label"))
        parts = split(dataset, validation=settings.validation, test=settings.test, seed=settings.seed)
        return task_data(source, parts, tuple(profile(dataset, parts).lines()))

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        return load_classifier(source, data.labels)

    def encode(self, rows: LabelledText, source: Path, work: Path, max_length: int) -> Rows:
        tokenizer = fast_tokenizer(source, work, max_length)
        return EncodedRows(
            token_ids=tokenizer.encode(list(rows.texts)), labels=rows.labels, pad_id=tokenizer.pad_id,
            limit=tokenizer.max_length,
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the labels, in nats."""
        from torch.nn.functional import cross_entropy

        logits_BC = model(**batch.inputs).logits.float()
        return cross_entropy(logits_BC, batch.labels, reduction="sum") / batch.step.rows

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """Mean cross-entropy (nats) and accuracy over those rows, in fp32."""
        import torch

        model.eval()
        loss_sum, right = 0.0, 0
        with torch.inference_mode():
            for _, batch in sorted_batches(rows, EVALUATION_BATCH, device):
                logits_BC = model(**batch.inputs).logits.float()
                loss_sum += float(torch.nn.functional.cross_entropy(logits_BC, batch.labels, reduction="sum"))
                right += int((logits_BC.argmax(-1) == batch.labels).sum())
        return {"loss": loss_sum / len(rows), "accuracy": right / len(rows)}

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_classifier(model, source, folder)

    def usage(self) -> str:
        return 'from transformers import pipeline\n\nclassify = pipeline("text-classification", model=".")'


def task_data(source: DataSource, parts: Splits, lines: tuple[str, ...] = ()) -> TaskData:
    """Labelled text that is read and split already."""
    return TaskData(
        train=parts.train, validation=parts.validation, test=parts.test, source=source,
        columns=asdict(source.columns), lines=lines, labels=parts.train.names,
    )  # fmt: skip
