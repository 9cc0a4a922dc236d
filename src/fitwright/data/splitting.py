"""Train, validation and test parts that no text crosses.

The part of a row follows from its key (for text: the normalised text) and the seed alone: a keyed hash
against two thresholds. So duplicates stay together, and rows added later never move an old row to another
part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from fitwright.core.errors import DataError, UsageError
from fitwright.data.content import normalised
from fitwright.data.interface import Classified, Dataset

__all__ = ["PARTS", "Part", "Splits", "normalised", "part_of", "split"]

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
_SEEDS_TRIED = 20
Rows = TypeVar("Rows", bound=Dataset)


@dataclass(frozen=True, kw_only=True)
class Splits(Generic[Rows]):
    """The three parts and, under ``indices[part]``, the dataset's rows that they hold, ascending."""

    train: Rows
    validation: Rows
    test: Rows
    indices: Mapping[str, tuple[int, ...]]


def split(dataset: Rows, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> Splits[Rows]:
    """Split by the keys of the rows.

    Args:
        dataset: the rows, of any kind.
        validation, test: expected share of distinct keys, each above 0, together below 1. The real shares
            differ by chance (standard deviation ``sqrt(p (1 - p) / distinct keys)``).
        seed: any integer; another seed is another split.

    Raises:
        UsageError: fractions out of range.
        DataError: a part is empty, or, where each row has a class, lacks one; names a seed that works where
            one of the next does.
    """
    _check_fractions(validation, test)
    keys = dataset.keys()
    parts = _assign(keys, validation, test, seed)
    if isinstance(dataset, Classified):
        missing = _missing_classes(dataset, parts)
        if missing:
            raise _missing_error(dataset, keys, missing, (validation, test, seed))
    else:
        _check_filled(keys, parts, (validation, test, seed))
    indices: dict[str, tuple[int, ...]] = {
        part: tuple(i for i, p in enumerate(parts) if p == part) for part in PARTS
    }
    chosen = {part: dataset.subset(indices[part]) for part in PARTS}
    return Splits(**chosen, indices=indices)


def part_of(key: str, *, validation: float, test: float, seed: int) -> Part:
    """The part of one key: by its place."""
    place = place_of(key, seed=seed)
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def place_of(key: str, *, seed: int) -> float:
    """Where a normalised text stands in [0, 1): its BLAKE2b hash, keyed with the seed, over 2^64."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()[:64])
    return int.from_bytes(digest.digest(), "big") / 2**64


def _assign(keys: Sequence[str], validation: float, test: float, seed: int) -> list[Part]:
    return [part_of(key, validation=validation, test=test, seed=seed) for key in keys]


def _check_fractions(validation: float, test: float) -> None:
    for name, value in (("validation", validation), ("test", test)):
        if not 0 < value < 1:
            raise UsageError(f"the {name} fraction is out of range", got=value, allowed="above 0, below 1")
    if validation + test >= 1:
        raise UsageError(
            "validation and test together leave nothing to train on", got=round(validation + test, 6),
            allowed="together below 1",
        )  # fmt: skip


def _check_filled(keys: Sequence[str], parts: Sequence[Part], settings: tuple[float, float, int]) -> None:
    empty = next((part for part in PARTS if part not in parts), None)
    if empty is None:
        return
    validation, test, seed = settings
    works = next(
        (
            other for other in range(seed + 1, seed + 1 + _SEEDS_TRIED)
            if set(_assign(keys, validation, test, other)) == set(PARTS)
        ),
        None,
    )  # fmt: skip
    raise DataError(
        f"the {empty} part of the split has no row", got=f"{len(set(keys)):,} different rows in all",
        mend=f"--seed {works} gives every part a row." if works is not None else "Add rows.",
    )  # fmt: skip


def _missing_classes(dataset: Classified, parts: Sequence[Part]) -> dict[Part, list[str]]:
    """Classes of the dataset that a part lacks, by part."""
    seen: dict[Part, set[int]] = {part: set() for part in PARTS}
    for part, label in zip(parts, dataset.labels, strict=True):
        seen[part].add(label)
    everywhere = set(dataset.labels)
    lacking = {part: sorted(everywhere - seen[part]) for part in PARTS}
    return {part: [dataset.names[i] for i in labels] for part, labels in lacking.items() if labels}


def _missing_error(
    dataset: Classified,
    keys: Sequence[str],
    missing: dict[Part, list[str]],
    settings: tuple[float, float, int],
) -> DataError:
    part, classes = next(iter(missing.items()))
    validation, test, seed = settings
    works = next(
        (
            other for other in range(seed + 1, seed + 1 + _SEEDS_TRIED)
            if not _missing_classes(dataset, _assign(keys, validation, test, other))
        ),
        None,
    )  # fmt: skip
    mend = f"--seed {works} gives every part every class." if works is not None else (
        f"Add rows of {classes[0]!r} with different texts, or make the {part} part larger."
    )  # fmt: skip
    return DataError(
        f"the {part} part of the split has no row of {len(classes)} of the {len(dataset.names)} classes",
        got=", ".join(classes[:5]), allowed="every class in every part", mend=mend,
    )  # fmt: skip
