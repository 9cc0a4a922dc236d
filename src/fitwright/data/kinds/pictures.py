"""Image files, through Pillow: found, looked at once, named where they are broken, opened for training."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from fitwright.core.errors import DataError
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
Broken = Literal["refuse", "skip"]
_NAMED = 5
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a look at image files found.

    Attributes:
        whole: which of them can be read, by place.
        digests: of these, SHA-256 of the bytes. sizes: width and height, pixels.
        broken: how many cannot.
    """

    whole: tuple[int, ...]
    digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    broken: int

    def kept(self, values: Sequence[T]) -> tuple[T, ...]:
        """Of a value for each file those of the whole ones."""
        return tuple(values[place] for place in self.whole)

    def left_out(self, others: Mapping[str, int]) -> dict[str, int]:
        """Rows left out by reason: the broken ones beside others."""
        return {**others, **({"a broken image": self.broken} if self.broken else {})}


def open_image(path: Path) -> Image:
    """The whole image as RGB, turned as its camera says.

    Raises:
        DataError: absent or broken.
        MissingExtraError: Pillow is not installed.
    """
    try:
        return _decoded(path.read_bytes())
    except OSError as error:
        raise DataError(f"an image cannot be read: {_reason(error)}", got=str(path)) from None


def look_at(
    paths: Sequence[Path],
    where: Sequence[str],
    *,
    broken: Broken = "refuse",
    progress: Progress | None = None,
) -> Looked:
    """Read and decode every image once, so that none stops a training run later.

    Args:
        paths: the files; one may occur several times.
        where: what names each in a message.
        broken: ``refuse`` the data because of one, or ``skip`` it.
        progress: reports images.

    Raises:
        DataError: broken or absent images, the first five by name.
        MissingExtraError: Pillow is not installed.
    """
    require("PIL.Image")
    found: dict[Path, tuple[str, tuple[int, int]] | None] = {}
    reasons: list[str] = []
    with (progress or Silent()).task("looking at the images", len(paths), "images") as task:
        for path, name in zip(paths, where, strict=True):
            if path not in found:
                try:
                    content = path.read_bytes()
                    found[path] = hashlib.sha256(content).hexdigest(), _decoded(content).size
                except OSError as error:
                    found[path] = None
                    reasons.append(f"{name} ({_reason(error)})")
            task.advance()
    if reasons and broken == "refuse":
        more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        raise DataError(
            f"{len(reasons):,} of {len(found):,} images cannot be read",
            got=", ".join(reasons[:_NAMED]) + more,
            mend="Replace or remove them.",
        )  # fmt: skip
    looked = [(place, *one) for place, path in enumerate(paths) if (one := found[path]) is not None]
    return Looked(
        whole=tuple(place for place, _, _ in looked), digests=tuple(digest for _, digest, _ in looked),
        sizes=tuple(size for _, _, size in looked), broken=len(paths) - len(looked),
    )  # fmt: skip


def image_files(folder: Path) -> list[Path]:
    """The image files anywhere in a folder, by name; hidden ones are not taken."""
    return sorted(
        path for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )  # fmt: skip


def resolved(table: Path, names: Iterable[str]) -> list[Path]:
    """Paths as a table names them: those that are not absolute lie beside the table."""
    folder = table if table.is_dir() else table.parent
    return [folder / name for name in names]


def _decoded(content: bytes) -> Image:
    pillow, operations = require("PIL.Image"), require("PIL.ImageOps")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # twice as large is an error
            with pillow.open(io.BytesIO(content)) as image:
                turned: Image = operations.exif_transpose(image).convert("RGB")
    except OSError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a broken file leads them into
        raise OSError(str(error) or type(error).__name__) from error
    return turned


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if error.strerror:
        return error.strerror
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "not an image that Pillow knows" if "cannot identify" in text else text[:80]
