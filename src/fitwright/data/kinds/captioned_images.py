"""Image and text: images with a caption each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.core.progress import Progress
from fitwright.data.content import fingerprint_of
from fitwright.data.interface import RowSource
from fitwright.data.kinds.images import IMAGE
from fitwright.data.kinds.pictures import Broken, look_at, resolved
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.values import text_at

KIND = "captioned-images"
ROLES = (
    IMAGE,
    Role(
        name="caption",
        usual=(("caption", "描述"), ("text", "captions", "description", "title", "文本", "标题")),
    ),
)


@dataclass(frozen=True, kw_only=True)
class CaptionedImages:
    """``captions[i]`` describes the image file ``paths[i]``; an image may have several rows.

    Attributes:
        digests: SHA-256 of each file's bytes.
        sizes: width and height of each, pixels.
    """

    paths: tuple[Path, ...]
    captions: tuple[str, ...]
    digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, indices: Iterable[int]) -> CaptionedImages:
        """The rows at ``indices``, in that order."""
        chosen = tuple(indices)
        return CaptionedImages(
            paths=tuple(self.paths[i] for i in chosen), captions=tuple(self.captions[i] for i in chosen),
            digests=tuple(self.digests[i] for i in chosen), sizes=tuple(self.sizes[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The files' digests: all captions of an image stay together."""
        return self.digests

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the digests and captions, not of the paths."""
        return fingerprint_of("captioned images 1", zip(self.digests, self.captions, strict=True))


def load_captioned_images(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    broken: Broken = "refuse",
    progress: Progress | None = None,
) -> tuple[CaptionedImages, RowSource]:
    """Read paths and captions of images, and look at every image once.

    Args:
        path: a table with the path of an image (absolute, or from the table's folder) and a caption a row.
        columns: ``image`` and ``caption`` → column.
        broken: ``refuse`` data with broken images, or ``skip`` them.
        progress: reports images.

    Raises:
        DataError: unreadable file, unclear columns, broken or absent images, nothing left.
        MissingExtraError: Pillow is not installed.
    """
    path = Path(path)
    table = read_table(path)
    found = find_columns(table, ROLES, columns)
    kept, left_out = complete_rows(table, found, ("image", "caption"))
    files = resolved(path, (text_at(table, found["image"], row) for row in kept))
    captions = [text_at(table, found["caption"], row) for row in kept]
    where = [f"{file.name} in {table.place(row)}" for row, file in zip(kept, files, strict=True)]
    looked = look_at(files, where, broken=broken, progress=progress)
    if not looked.whole:
        raise DataError(f"no image of {path} can be read", got=f"{len(files):,} rows")
    dataset = CaptionedImages(
        paths=looked.kept(files), captions=looked.kept(captions), digests=looked.digests, sizes=looked.sizes
    )
    return dataset, RowSource(
        path=path, kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=looked.left_out(left_out),
    )  # fmt: skip
