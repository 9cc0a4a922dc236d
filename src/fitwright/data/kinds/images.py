"""Image classification: a folder with a folder for each class, or a table of paths and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.core.progress import Progress
from fitwright.data.content import fingerprint_of
from fitwright.data.dataset import check_classes, check_known, sorted_names
from fitwright.data.interface import RowSource
from fitwright.data.kinds.pictures import SUFFIXES, Broken, image_files, look_at, resolved
from fitwright.data.reading import check_file, read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.values import text_at

KIND = "labelled-images"
IMAGE = Role(
    name="image",
    usual=(
        ("image", "图片", "图像"),
        ("image_path", "path", "file", "file_name", "filename", "img", "文件", "路径"),
    ),
)
ROLES = (
    IMAGE,
    Role(name="label", usual=(("label", "标签"), ("class", "category", "target", "类别", "分类"))),
)
_PARTS = frozenset(("train", "training", "test", "val", "valid", "validation", "dev", "eval"))


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """``names[labels[i]]`` is the class of the image file ``paths[i]``.

    Attributes:
        digests: SHA-256 of each file's bytes.
        sizes: width and height of each, pixels.
    """

    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, indices: Iterable[int]) -> LabelledImages:
        """The images at ``indices``, in that order, with all class names."""
        chosen = tuple(indices)
        return LabelledImages(
            paths=tuple(self.paths[i] for i in chosen), labels=tuple(self.labels[i] for i in chosen),
            names=self.names, digests=tuple(self.digests[i] for i in chosen),
            sizes=tuple(self.sizes[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The files' digests: copies of a file stay together, wherever they lie."""
        return self.digests

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the digests and class names, not of the paths."""
        named = (self.names[label] for label in self.labels)
        return fingerprint_of("labelled images 1", zip(self.digests, named, strict=True))


def load_labelled_images(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    broken: Broken = "refuse",
    progress: Progress | None = None,
) -> tuple[LabelledImages, RowSource]:
    """Read paths and classes of images, and look at every image once.

    Args:
        path: a folder with a folder for each class, or a table with the path of an image (absolute, or from
            the table's folder) and a label a row.
        columns: ``image`` and ``label`` → column, of a table.
        names: the classes in order where a model already fixes them.
        broken: ``refuse`` data with broken images, or ``skip`` them; how many is in the source.
        progress: reports images.

    Raises:
        DataError: no such file, no images, broken images, one class only, classes of too few images.
        MissingExtraError: Pillow is not installed.
    """
    path = Path(path)
    check_file(path)
    files, labels, where, found, left_out = _listed(path, columns)
    looked = look_at(files, where, broken=broken, progress=progress)
    kept_labels = looked.kept(labels)
    column = found.get("label", "folder")
    order = tuple(names) if names is not None else sorted_names(set(kept_labels))
    if names is not None:
        check_known(kept_labels, order, column)
    else:
        check_classes(kept_labels, column)
    place = {name: index for index, name in enumerate(order)}
    dataset = LabelledImages(
        paths=looked.kept(files), labels=tuple(place[label] for label in kept_labels), names=order,
        digests=looked.digests, sizes=looked.sizes,
    )  # fmt: skip
    return dataset, RowSource(
        path=path, kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=looked.left_out(left_out),
    )  # fmt: skip


def _listed(
    path: Path, columns: Mapping[str, str] | None
) -> tuple[list[Path], list[str], list[str], dict[str, str], dict[str, int]]:
    """Files, their labels, what names them in a message; columns, and rows left out by reason."""
    if path.is_dir() and not (path / "state.json").is_file():
        files, labels = _class_folders(path)
        return files, labels, [str(file.relative_to(path)) for file in files], {}, {}
    table = read_table(path)
    found = find_columns(table, ROLES, columns)
    kept, left_out = complete_rows(table, found, ("image", "label"))
    files = resolved(path, (text_at(table, found["image"], row) for row in kept))
    labels = [text_at(table, found["label"], row) for row in kept]
    where = [f"{file.name} in {table.place(row)}" for row, file in zip(kept, files, strict=True)]
    return files, labels, where, found, left_out


def _class_folders(path: Path) -> tuple[list[Path], list[str]]:
    folders = sorted(
        folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith(".")
    )
    if folders and {folder.name.lower() for folder in folders} <= _PARTS:
        raise DataError(
            f"the folders in {path} are parts, not classes", got=", ".join(folder.name for folder in folders),
            allowed="a folder with a folder for each class", mend=f"Give {folders[0]}, or put them together.",
        )  # fmt: skip
    files = [(file, folder.name) for folder in folders for file in image_files(folder)]
    if not files:
        raise DataError(
            "no images in class folders", got=str(path), allowed=", ".join(sorted(SUFFIXES)),
            mend="Put the images of each class into a folder of its name, or give a table of paths.",
        )  # fmt: skip
    return [file for file, _ in files], [name for _, name in files]
