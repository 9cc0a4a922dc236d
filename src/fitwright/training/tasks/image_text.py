"""Images and texts in one space (CLIP, Radford et al. 2021): what belongs together comes to lie together.

Legend of shape suffixes: B rows, T tokens, D width of an embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.batching import pad
from fitwright.data.kind_profile import profile_of
from fitwright.data.kinds.captioned_images import CaptionedImages, load_captioned_images
from fitwright.data.splitting import split
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.image_input import load_image_input
from fitwright.modeling.pretrained import load_pretrained, save_pretrained
from fitwright.training.batches import PAD_MULTIPLE, Batch, Counts, Rows, sorted_batches
from fitwright.training.contrast import contrast, found, number_of
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.image_rows import Augmentation, ImageStore
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.text import fast_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 64
MOST_SCALE = 100.0
"""The learnt scale (1 / temperature) is held below this, as the paper does."""


@dataclass(frozen=True, kw_only=True)
class CaptionedPart:
    """The rows of one part, and how its images are changed in training."""

    rows: CaptionedImages
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True)
class CaptionedRows:
    """Encoded rows.

    Attributes:
        store: the images.
        token_ids: of each caption.
        names: two numbers a row, that tell which images, and which captions, are the same.
        pad_id: fills captions up.
        limit: most tokens that a padded caption may have.
    """

    store: ImageStore
    token_ids: Sequence[Sequence[int]]
    names: Sequence[tuple[int, int]]
    pad_id: int
    limit: int

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def lengths(self) -> Sequence[int]:
        """Patches of the image and tokens of the caption."""
        return [self.store.patches + len(ids) for ids in self.token_ids]

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold; the loss is the mean over rows."""
        tokens = sum(self.store.patches + len(self.token_ids[row]) for row in rows)
        return Counts(rows=len(rows), tokens=tokens, targets=len(rows))

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """Put those rows together. Labels: the names, int64 (B, 2)."""
        import torch

        ids, mask = pad([self.token_ids[row] for row in rows], self.pad_id, PAD_MULTIPLE, self.limit)
        counts = self.counts(rows)
        inputs = {
            "pixel_values": self.store.pixels(rows, device, epoch),
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(mask).to(device),
        }
        labels = torch.tensor([self.names[row] for row in rows]).to(device)
        return Batch(inputs=inputs, labels=labels, counts=counts, step=step or counts)


@dataclass(frozen=True, kw_only=True)
class ImageText:
    """The task.

    Attributes:
        size: side in pixels; 0: as the model's image processor or config says.
        flip: mirror half of the training images; captions that say left or right then lie.
        crop: move training images by up to this share of a side.
    """

    name: ClassVar[str] = "image-text"
    metric: ClassVar[Metric] = Metric(name="accuracy")
    size: int = 0
    flip: bool = False
    crop: float = 0.125

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UsageError("the size of images must be at least 1 pixel", got=self.size)

    def options(self) -> dict[str, Any]:
        return asdict(self)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        rows, source = load_captioned_images(path, columns=columns)
        parts = split(rows, validation=settings.validation, test=settings.test, seed=settings.seed)
        change = Augmentation(seed=settings.seed, flip=self.flip, crop=self.crop)
        return TaskData(
            train=CaptionedPart(rows=parts.train, augmentation=change if self.flip or self.crop else None),
            validation=CaptionedPart(rows=parts.validation), test=CaptionedPart(rows=parts.test),
            source=source, columns=source.columns,
            lines=tuple(profile_of(rows, parts, source=source).lines()),
        )  # fmt: skip

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        model: Any = load_pretrained("AutoModel", source, "a model of images and texts")
        if not all(
            hasattr(model, part) for part in ("get_text_features", "get_image_features", "logit_scale")
        ):
            raise UsageError(
                "this model does not put images and texts into one space", got=type(model).__name__,
                allowed="CLIPModel and its kin",
            )  # fmt: skip
        return model

    def encode(self, rows: CaptionedPart, source: Path, work: Path, max_length: int) -> Rows:
        text = read_json(source / "config.json", what="config.json").get("text_config") or {}
        limit = min(max_length, int(text.get("max_position_embeddings") or 77))
        tokenizer = fast_tokenizer(source, work, limit)
        store = ImageStore(
            paths=rows.rows.paths, input=load_image_input(source, size=self.size or None),
            augmentation=rows.augmentation,
        )  # fmt: skip
        images, captions = map(number_of, rows.rows.digests), map(number_of, rows.rows.captions)
        return CaptionedRows(
            store=store, token_ids=tokenizer.encode(list(rows.rows.captions)),
            names=list(zip(images, captions, strict=True)), pad_id=tokenizer.pad_id, limit=limit,
        )  # fmt: skip

    def embed(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Embeddings of length 1 of each row's image and text (B, 2, D)."""
        import torch
        from torch.nn.functional import normalize

        loose, inputs = model, batch.inputs
        image = loose.get_image_features(pixel_values=inputs["pixel_values"])  # type: ignore[operator]
        text = loose.get_text_features(  # type: ignore[operator]
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        )
        both = [getattr(output, "pooler_output", output) for output in (image, text)]
        return normalize(torch.stack([each.float() for each in both], dim=1), dim=-1)

    def loss_of_embeddings(
        self, model: nn.Module, embeddings: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """InfoNCE both ways; rows of the same image or the same text are not held against each other."""
        import torch

        scale = model.logit_scale.exp().clamp(max=MOST_SCALE)  # type: ignore[operator]
        images_BD, texts_BD = embeddings.unbind(1)
        same_BB = (labels[:, None] == labels[None, :]).any(-1)
        own_B = torch.arange(len(labels), device=labels.device)
        same_BB[own_B, own_B] = False
        to_text = contrast(images_BD, texts_BD, own_B, scale, same_BB)
        return (to_text + contrast(texts_BD, images_BD, own_B, scale, same_BB)) / 2

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        return self.loss_of_embeddings(model, self.embed(model, batch), batch.labels)

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """The loss among 64 rows; how often images find their text among all, texts their image; fp32."""
        import torch

        model.eval()
        losses, embeddings, labels = 0.0, [], []
        with torch.inference_mode():
            for _, batch in sorted_batches(rows, EVALUATION_BATCH, device):
                embeddings.append(self.embed(model, batch))
                labels.append(batch.labels)
                losses += float(self.loss_of_embeddings(model, embeddings[-1], labels[-1])) * len(labels[-1])
            images_BD, texts_BD = torch.cat(embeddings).unbind(1)
            names_B2 = torch.cat(labels)
            to_text = found(images_BD, texts_BD, names_B2, names_B2) / len(rows)
            to_image = found(texts_BD, images_BD, names_B2, names_B2) / len(rows)
        return {
            "loss": losses / len(rows), "accuracy": (to_text + to_image) / 2,
            "image_to_text": to_text, "text_to_image": to_image,
        }  # fmt: skip

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_pretrained(model, folder)
        copy_tokenizer(source, folder)
        load_image_input(source, size=self.size or None).save(folder)

    def usage(self) -> str:
        return (
            "from transformers import pipeline\n\n"
            'classify = pipeline("zero-shot-image-classification", model=".")\n'
            'print(classify("image.png", candidate_labels=["a cat", "a dog"]))'
        )
