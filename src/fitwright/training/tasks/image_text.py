"""Images and texts in one space (CLIP, Radford et al. 2021): what belongs together comes to lie together.

Legend of shape suffixes: B rows, T tokens, D width of an embedding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.kinds.captioned_images import load_captioned_images
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.pretrained import load_pretrained, save_pretrained
from fitwright.training.batches import Batch, Counts, Rows, padded
from fitwright.training.contrast import contrast, found, number_of
from fitwright.training.coupled import embedded
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.image_rows import ImageOptions, ImagePart, ImageStore
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import fast_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_SCALE = 100.0
"""The learnt scale (1 / temperature) is held below this, as the paper does."""


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

    reads_files: ClassVar[bool] = True

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

        texts = padded([self.token_ids[row] for row in rows], self.pad_id, self.limit, device)
        counts = self.counts(rows)
        inputs = {"pixel_values": self.store.pixels(rows, device, epoch), **texts}
        labels = torch.tensor([self.names[row] for row in rows]).to(device)
        return Batch(inputs=inputs, labels=labels, counts=counts, step=step or counts)


@dataclass(frozen=True, kw_only=True)
class ImageText(ImageOptions):
    """The task."""

    name: ClassVar[str] = "image-text"
    metric: ClassVar[Metric] = Metric(name="accuracy")

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        rows, source = load_captioned_images(path, columns=columns)
        return self.parts(split_data(rows, source, settings), settings.seed)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        self.config_changes(source)
        model: Any = load_pretrained("AutoModel", source, "a model of images and texts")
        if not all(
            hasattr(model, part) for part in ("get_text_features", "get_image_features", "logit_scale")
        ):
            raise UsageError(
                "this model does not put images and texts into one space", got=type(model).__name__,
                allowed="CLIPModel and its kin",
            )  # fmt: skip
        return model

    def encode(self, rows: ImagePart, source: Path, work: Path, max_length: int) -> Rows:
        text = read_json(source / "config.json", what="config.json").get("text_config") or {}
        limit = min(max_length, int(text.get("max_position_embeddings") or 77))
        tokenizer = fast_tokenizer(source, work, limit)
        images, captions = map(number_of, rows.rows.digests), map(number_of, rows.rows.captions)
        return CaptionedRows(
            store=self.store(rows, source), token_ids=tokenizer.encode(list(rows.rows.captions)),
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

        held: Any = model.logit_scale
        with torch.no_grad():  # the parameter itself is held, or its gradient would end at the bound
            held.clamp_(max=math.log(MOST_SCALE))
        scale = held.exp()
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
        loss, embeddings_B2D, names_B2 = embedded(self, model, rows, device)
        images_BD, texts_BD = embeddings_B2D.unbind(1)
        to_text = found(images_BD, texts_BD, names_B2, names_B2) / len(rows)
        to_image = found(texts_BD, images_BD, names_B2, names_B2) / len(rows)
        return {
            "loss": loss, "accuracy": (to_text + to_image) / 2,
            "image_to_text": to_text, "text_to_image": to_image,
        }  # fmt: skip

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_pretrained(model, folder)
        copy_tokenizer(source, folder)
        self.input(source).save(folder)

    def usage(self) -> str:
        return (
            "from transformers import pipeline\n\n"
            'classify = pipeline("zero-shot-image-classification", model=".")\n'
            'print(classify("image.png", candidate_labels=["a cat", "a dog"]))'
        )
