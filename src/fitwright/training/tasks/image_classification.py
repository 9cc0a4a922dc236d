"""Image classification: an image, one of several classes.

Legend of shape suffixes: B rows of a batch, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.data.kind_profile import profile_of
from fitwright.data.kinds.images import LabelledImages, load_labelled_images
from fitwright.data.splitting import split
from fitwright.modeling.image_input import load_image_input
from fitwright.modeling.pretrained import load_pretrained, named_outputs, save_pretrained
from fitwright.training.batches import Batch, Rows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.image_rows import Augmentation, ImageRows, ImageStore
from fitwright.training.tasks.interface import Metric, TaskData

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class ImagePart:
    """The images of one part, and how they are changed in training."""

    images: LabelledImages
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, kw_only=True)
class ImageClassification:
    """The task.

    Attributes:
        size: side in pixels; 0: as the model's image processor or config says.
        flip: mirror half of the training images.
        crop: move training images by up to this share of a side.
    """

    name: ClassVar[str] = "image-classification"
    metric: ClassVar[Metric] = Metric(name="accuracy")
    size: int = 0
    flip: bool = True
    crop: float = 0.125

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UsageError("the size of images must be at least 1 pixel", got=self.size)

    def options(self) -> dict[str, Any]:
        return asdict(self)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        images, source = load_labelled_images(path, columns=columns)
        parts = split(images, validation=settings.validation, test=settings.test, seed=settings.seed)
        change = Augmentation(seed=settings.seed, flip=self.flip, crop=self.crop)
        return TaskData(
            train=ImagePart(images=parts.train, augmentation=change if self.flip or self.crop else None),
            validation=ImagePart(images=parts.validation), test=ImagePart(images=parts.test), source=source,
            columns=source.columns, labels=images.names,
            lines=tuple(profile_of(images, parts, source=source).lines()),
        )  # fmt: skip

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        return load_pretrained(
            "AutoModelForImageClassification", source, "an image classifier", **named_outputs(data.labels)
        )

    def encode(self, rows: ImagePart, source: Path, work: Path, max_length: int) -> Rows:  # noqa: ARG002
        wanted = load_image_input(source, size=self.size or None)
        store = ImageStore(paths=rows.images.paths, input=wanted, augmentation=rows.augmentation)
        return ImageRows(store=store, labels=rows.images.labels)

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
        load_image_input(source, size=self.size or None).save(folder)

    def usage(self) -> str:
        return 'from transformers import pipeline\n\nclassify = pipeline("image-classification", model=".")'
