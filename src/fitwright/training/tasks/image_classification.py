"""Image classification: an image, one of several classes.

Legend of shape suffixes: B rows of a batch, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fitwright.data.kinds.images import load_labelled_images
from fitwright.modeling.pretrained import load_pretrained, named_outputs, save_pretrained
from fitwright.training.batches import Batch, Rows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.image_rows import ImageOptions, ImagePart, ImageRows
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.splitting import split_data

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class ImageClassification(ImageOptions):
    """The task; training images are mirrored unless told."""

    name: ClassVar[str] = "image-classification"
    metric: ClassVar[Metric] = Metric(name="accuracy")
    flip: bool = True

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        images, source = load_labelled_images(path, columns=columns)
        return self.parts(split_data(images, source, settings, labels=images.names), settings.seed)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        return load_pretrained(
            "AutoModelForImageClassification",
            source,
            "an image classifier",
            new_head=True,
            **named_outputs(data.labels),
            **self.config_changes(source),
        )

    def encode(self, rows: ImagePart, source: Path, work: Path, max_length: int) -> Rows:  # noqa: ARG002
        return ImageRows(store=self.store(rows, source), labels=rows.rows.labels)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the classes, in nats."""
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
        save_pretrained(model, folder)
        self.input(source).save(folder)

    def usage(self) -> str:
        return 'from transformers import pipeline\n\nclassify = pipeline("image-classification", model=".")'
