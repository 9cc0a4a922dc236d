"""Train, validation and test parts that no text crosses.

The part of a row follows from its text and the seed alone: a keyed hash of the normalised text against two
thresholds. So duplicates stay together, and rows added later never move an old row to another part.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fitwright.core.errors import DataError, UsageError
from fitwright.data.dataset import LabelledText

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
_SEEDS_TRIED = 20


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three parts and, under ``indices[part]``, the dataset's rows that they hold, ascending."""

    train: LabelledText
    validation: LabelledText
    test: LabelledText
    indices: Mapping[str, tuple[int, ...]]


def split(dataset: LabelledText, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> Splits:
    """Split by text.

    Args:
        dataset: the rows.
        validation, test: expected share of distinct texts, each above 0, together below 1. The real shares
            differ by chance (standard deviation ``sqrt(p (1 - p) / distinct texts)``).
        seed: any integer; another seed is another split.

    Raises:
        UsageError: fractions out of range.
        DataError: a class is missing from a part; names a seed that works where one of the next does.
    """
    _check_fractions(validation, test)
    keys = [normalised(text) for text in dataset.texts]
    parts = _assign(keys, validation, test, seed)
    missing = _missing_classes(dataset, parts)
    if missing:
        raise _missing_error(dataset, keys, missing, (validation, test, seed))
    indices: dict[str, tuple[int, ...]] = {
        part: tuple(i for i, p in enumerate(parts) if p == part) for part in PARTS
    }
    chosen = {part: dataset.subset(indices[part]) for part in PARTS}
    return Splits(**chosen, indices=indices)


def part_of(key: str, *, validation: float, test: float, seed: int) -> Part:
    """The part of one normalised text: by its place."""
    place = place_of(key, seed=seed)
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def place_of(key: str, *, seed: int) -> float:
    """Where a normalised text stands in [0, 1): its BLAKE2b hash, keyed with the seed, over 2^64."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()[:64])
    return int.from_bytes(digest.digest(), "big") / 2**64


class _Dropped(dict[int, int | None]):
    """Translation table that drops punctuation, white space and control characters, filled as needed."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.category(chr(code))[0] in "PZC" else code
        self[code] = kept
        return kept


_DROPPED = _Dropped()


def normalised(text: str) -> str:
    """What two texts must share to count as the same: letters, digits, symbols after NFKC and case folding.

    A text of punctuation alone keeps its punctuation.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_DROPPED) or " ".join(folded.split())


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


def _missing_classes(dataset: LabelledText, parts: Sequence[Part]) -> dict[Part, list[str]]:
    """Classes of the dataset that a part lacks, by part."""
    seen: dict[Part, set[int]] = {part: set() for part in PARTS}
    for part, label in zip(parts, dataset.labels, strict=True):
        seen[part].add(label)
    everywhere = set(dataset.labels)
    lacking = {part: sorted(everywhere - seen[part]) for part in PARTS}
    return {part: [dataset.names[i] for i in labels] for part, labels in lacking.items() if labels}


def _missing_error(
    dataset: LabelledText,
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
