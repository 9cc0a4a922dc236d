"""Images as rows of a training run: decoded, resized once, changed a little at random, made into numbers.

Legend of shape suffixes: B rows of a batch, H height, W width; 3 colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.kinds.pictures import open_image
from fitwright.modeling.image_input import ImageInput, load_image_input
from fitwright.modeling.sources import is_scratch
from fitwright.training.batches import Batch, Counts
from fitwright.training.tasks.interface import TaskData

if TYPE_CHECKING:
    import torch

KEPT_BYTES = 1 << 30
"""Resized images are kept in memory up to this, and decoded again beyond it."""
_PATCH = 16


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Small changes of training images, drawn from seed, epoch and row alone.

    Attributes:
        seed: of the draws.
        flip: whether half of them are mirrored, left to right.
        crop: an image is moved by up to this share of its side, up or down, left or right; what comes in at
            the border mirrors the image (He et al. 2016 used zeros, and 4 of 32 pixels).
    """

    seed: int
    flip: bool = True
    crop: float = 0.125

    def __post_init__(self) -> None:
        if not 0 <= self.crop < 1:
            raise UsageError("the share to crop by must be in [0, 1)", got=self.crop)

    def apply(self, image_HW3: NDArray[np.uint8], row: int, epoch: int) -> NDArray[np.uint8]:
        """The image as that epoch sees it."""
        draw = np.random.Generator(np.random.SFC64((self.seed, epoch, row)))
        height, width = image_HW3.shape[:2]
        most = int(self.crop * height), int(self.crop * width)
        down, right = (int(draw.integers(0, 2 * limit + 1)) for limit in most)
        mirrored = bool(draw.integers(0, 2))
        if any(most):
            around = [(most[0],) * 2, (most[1],) * 2, (0, 0)]
            image_HW3 = np.pad(image_HW3, around, mode="reflect")[down : down + height, right : right + width]
        return image_HW3[:, ::-1] if self.flip and mirrored else image_HW3


@dataclass(frozen=True, kw_only=True)
class ImageStore:
    """Resized images by row; the first :data:`KEPT_BYTES` of them are kept.

    Attributes:
        paths: of the files.
        input: what the model wants.
        augmentation: in training; ``None`` changes nothing.
    """

    paths: Sequence[Path]
    input: ImageInput
    augmentation: Augmentation | None = None
    _kept: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def patches(self) -> int:
        """Patches of 16 by 16 pixels in an image: what it is counted as."""
        height, width = self.image(0).shape[:2]
        return max(1, -(-height // _PATCH) * -(-width // _PATCH))

    def image(self, row: int) -> NDArray[np.uint8]:
        """The image resized: uint8 (H, W, 3)."""
        found = self._kept.get(row)
        if found is None:
            found = self.input.sized(open_image(self.paths[row]))
            if (len(self._kept) + 1) * found.nbytes <= KEPT_BYTES:
                self._kept[row] = found
        return found

    def pixels(self, rows: Sequence[int], device: torch.device, epoch: int) -> torch.Tensor:
        """Those rows as that epoch sees them: fp32 (B, 3, H, W)."""
        import torch

        images = [self.image(row) for row in rows]
        if self.augmentation is not None:
            pairs = zip(images, rows, strict=True)
            images = [self.augmentation.apply(image, row, epoch) for image, row in pairs]
        return torch.from_numpy(self.input.numbers(np.stack(images))).to(device)


@dataclass(frozen=True, kw_only=True)
class ImagePart:
    """The rows of one part, and how their images are changed in training."""

    rows: Any
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """What tasks on images have in common.

    Attributes:
        size: side in pixels; 0: as the model's image processor or config says.
        flip: mirror half of the training images; captions that say left or right then lie.
        crop: move training images by up to this share of a side.
    """

    size: int = 0
    flip: bool = False
    crop: float = 0.125

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UsageError("the size of images must be at least 1 pixel", got=self.size)

    def parts(self, data: TaskData, seed: int) -> TaskData:
        """The same data, whose training part is changed a little in every epoch."""
        change = Augmentation(seed=seed, flip=self.flip, crop=self.crop)
        return replace(
            data, validation=ImagePart(rows=data.validation), test=ImagePart(rows=data.test),
            train=ImagePart(rows=data.train, augmentation=change if self.flip or self.crop else None),
        )  # fmt: skip

    def config_changes(self, source: Path) -> dict[str, int]:
        """What to change of a model's config so that it takes images of the size.

        Raises:
            UsageError: it takes images of one other size alone.
        """
        config = read_json(source / "config.json", what="config.json")
        vision = config.get("vision_config") or config
        stated = vision.get("image_size")
        if not self.size or stated in (None, self.size, [self.size, self.size]):
            return {}
        if vision is config and is_scratch(source):
            return {"image_size": self.size}
        raise UsageError(
            "this model takes images of one size", got=f"size={self.size}", allowed=str(stated),
            mend="Leave --option size out, or build the model from a config of that image_size.",
        )  # fmt: skip

    def input(self, source: Path) -> ImageInput:
        """How the model of that folder takes images."""
        return load_image_input(source, size=self.size or None)

    def store(self, part: ImagePart, source: Path) -> ImageStore:
        """The images of a part as that model takes them."""
        return ImageStore(paths=part.rows.paths, input=self.input(source), augmentation=part.augmentation)


@dataclass(frozen=True, kw_only=True)
class ImageRows:
    """Images with a class each."""

    reads_files: ClassVar[bool] = True

    store: ImageStore
    labels: Sequence[int]

    def __len__(self) -> int:
        return len(self.store)

    @property
    def lengths(self) -> Sequence[int]:
        """The same for all: patches."""
        return [self.store.patches] * len(self)

    def counts(self, rows: Sequence[int]) -> Counts:
        """What those rows hold; the loss is the mean over rows."""
        return Counts(rows=len(rows), tokens=len(rows) * self.store.patches, targets=len(rows))

    def batch(
        self, rows: Sequence[int], device: torch.device, *, step: Counts | None = None, epoch: int = 0
    ) -> Batch:
        """Put those rows together."""
        import torch

        labels = torch.tensor([self.labels[row] for row in rows], dtype=torch.long)
        counts = self.counts(rows)
        inputs = {"pixel_values": self.store.pixels(rows, device, epoch)}
        return Batch(inputs=inputs, labels=labels.to(device), counts=counts, step=step or counts)
