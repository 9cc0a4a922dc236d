"""What a model wants of an image: size, cut and scale, by its own image processor on Pillow and NumPy.

Legend of shape suffixes: B images, H height, W width; 3 colours.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.core.optional import require
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    from PIL.Image import Image

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
_USUAL_SIDE = 224


class ImageInput:
    """Images as a model's arrays in two steps: resized bytes, which may be kept, then numbers."""

    def __init__(self, processor: Any) -> None:
        """``processor``: an image processor of transformers that runs on Pillow."""
        self.processor = processor
        normal, scaled = processor.do_normalize, processor.do_rescale
        spread_3 = np.asarray(processor.image_std if normal else (1.0,) * 3, np.float32)
        mean_3 = np.asarray(processor.image_mean if normal else (0.0,) * 3, np.float32)
        self._factor_3 = np.float32(processor.rescale_factor if scaled else 1.0) / spread_3
        self._offset_3 = mean_3 / spread_3

    def sized(self, image: Image) -> NDArray[np.uint8]:
        """Resized and cut as the processor does: uint8 (H, W, 3)."""
        found = self.processor(images=image, do_rescale=False, do_normalize=False, return_tensors="np")
        pixels_3HW: NDArray[np.uint8] = np.asarray(found["pixel_values"][0])
        return np.ascontiguousarray(pixels_3HW.transpose(1, 2, 0))

    def numbers(self, images_BHW3: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scaled and normalised: fp32 (B, 3, H, W)."""
        scaled = images_BHW3.astype(np.float32) * self._factor_3 - self._offset_3
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def save(self, folder: Path) -> None:
        """Write the processor's config as transformers reads it."""
        self.processor.save_pretrained(folder)


def load_image_input(source: Path, *, size: int | None = None) -> ImageInput:
    """The image processor of a model's folder; without one there, a plain resize with mean and spread 0.5.

    Args:
        source: the model's folder.
        size: side in pixels, in place of the processor's own; the model must take it.

    Raises:
        UsageError: the model takes no three colours, or its processor cannot be used.
    """
    config = read_json(source / "config.json", what="config.json")
    vision = config.get("vision_config") or config
    if vision.get("num_channels", 3) != 3:
        raise UsageError(
            "images are read in three colours", got=f"num_channels {vision['num_channels']}", allowed="3",
            mend="Set num_channels to 3 in config.json.",
        )  # fmt: skip
    transformers = require("transformers")
    stated = next((source / name for name in PROCESSOR_FILES if (source / name).is_file()), None)
    if stated is None:
        side = size or _side(vision.get("image_size"))
        return ImageInput(transformers.ViTImageProcessorPil(size={"height": side, "width": side}))
    changes = {} if size is None else _resized(read_json(stated, what="image processor config"), size)
    try:
        with quiet_transformers():
            processor = transformers.AutoImageProcessor.from_pretrained(
                source, backend="pil", local_files_only=True, trust_remote_code=False, **changes
            )
    except (ValueError, OSError, KeyError, TypeError, ImportError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"the model's image processor cannot be used: {reason}", got=str(source)) from error
    return ImageInput(processor)


def _resized(config: dict[str, Any], size: int) -> dict[str, Any]:
    """What to change of a processor's config so that images come out with that side."""
    square = {"height": size, "width": size}
    inner = config.get("image_processor", config).get("size")
    short = isinstance(inner, dict) and "shortest_edge" in inner
    return {"size": {"shortest_edge": size} if short else square, "crop_size": square}


def _side(image_size: Any) -> int:
    """Pixels of a side as a config says it: a number, a pair, or nothing."""
    if isinstance(image_size, (list, tuple)) and image_size:
        return int(image_size[0])
    return image_size if isinstance(image_size, int) else _USUAL_SIDE
