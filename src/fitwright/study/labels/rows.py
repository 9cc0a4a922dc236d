"""Labelled rows of a study: each text once, three parts that no text crosses, nested amounts to train on."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.core.files import write_text
from fitwright.data.dataset import DataSource, LabelledText, check_classes, load_labelled
from fitwright.data.splitting import place_of, split

MOST_VALIDATION, MOST_HELD_OUT = 250, 1000
"""Rows that choose the epoch and rows that judge: of more, a sample."""


@dataclass(frozen=True, kw_only=True)
class LabelledParts:
    """A file, read and split.

    Attributes:
        train, validation, held_out: the rows of each part; any prefix of a part is a sample of it.
        repeats: rows left out because their text stood there before with the same label.
        conflicts: rows left out because their text stands there with different labels.
    """

    train: LabelledText
    validation: LabelledText
    held_out: LabelledText
    source: DataSource
    repeats: int
    conflicts: int

    def as_json(self) -> dict[str, Any]:
        """The plan's ``data`` entry, without what is left of each part."""
        counts = Counter(self.held_out.labels)
        return {
            "path": str(self.source.path), "columns": _columns(self.source),
            "fingerprint": self.source.fingerprint, "rows": self.source.rows, "repeats": self.repeats,
            "conflicts": self.conflicts, "classes": list(self.train.names),
            "training_rows": len(self.train), "validation_rows": len(self.validation),
            "held_out_rows": len(self.held_out),
            "guessing_error": 1 - max(counts.values()) / len(self.held_out),
        }  # fmt: skip


def read_parts(
    path: Path, *, text: str | None, label: str | None, held_out: float, validation: float, seed: int
) -> LabelledParts:
    """Read labelled text, drop repeated texts, split it by hash as ``train`` does.

    Raises:
        DataError: the file cannot be used, it has one class only, a class is too rare.
        UsageError: shares out of range.
    """
    dataset, source = load_labelled(path, text=text, label=label)
    kept, repeats, conflicts = _distinct(dataset)
    rows = dataset.subset(kept)
    check_classes([rows.names[label] for label in rows.labels], source.columns.label)
    parts = split(rows, validation=validation, test=held_out, seed=seed)
    return LabelledParts(
        train=ordered(parts.train, seed), validation=_first(ordered(parts.validation, seed), MOST_VALIDATION),
        held_out=_first(ordered(parts.test, seed), MOST_HELD_OUT), source=source, repeats=repeats,
        conflicts=conflicts,
    )  # fmt: skip


def ordered(rows: LabelledText, seed: int) -> LabelledText:
    """The rows in an order in which every prefix has the classes' shares and is else a sample.

    The order within a class follows from a keyed hash of each text: neither its place in the file nor other
    rows move it. Prefixes of the order are nested.
    """
    places = [place_of(key, seed=seed) for key in rows.keys()]  # noqa: SIM118
    by_class: dict[int, list[int]] = defaultdict(list)
    for row in sorted(range(len(rows)), key=places.__getitem__):
        by_class[rows.labels[row]].append(row)
    ranks = {
        row: ((rank + 0.5) / len(members), label)
        for label, members in by_class.items()
        for rank, row in enumerate(members)
    }
    return rows.subset(sorted(ranks, key=ranks.__getitem__))


def first_rows(rows: LabelledText, count: int, *, draw: int, seed: int) -> LabelledText:
    """The first ``count`` rows of a draw: draw 0 is the order that they stand in, others are orders anew."""
    return _first(rows if draw == 0 else ordered(rows, seed + draw), count)


def save_rows(rows: LabelledText, path: Path) -> None:
    """Write rows as JSON lines of ``text`` and ``label``."""
    lines = (
        json.dumps({"text": text, "label": rows.names[label]})
        for text, label in zip(rows.texts, rows.labels, strict=True)
    )
    write_text(path, "".join(f"{line}\n" for line in lines))


def load_rows(path: Path, names: Iterable[str]) -> LabelledText:
    """What :func:`save_rows` wrote.

    Raises:
        DataError: the file is gone, or was changed into something else.
    """
    order = tuple(names)
    place = {name: index for index, name in enumerate(order)}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        return LabelledText(
            texts=tuple(row["text"] for row in rows), labels=tuple(place[row["label"]] for row in rows),
            names=order,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the study's rows cannot be read ({type(error).__name__})", got=str(path),
            mend="Run 'fitwright study design' again.",
        ) from None  # fmt: skip


def _first(rows: LabelledText, count: int) -> LabelledText:
    return rows if count >= len(rows) else rows.subset(range(count))


def _distinct(dataset: LabelledText) -> tuple[list[int], int, int]:
    """The first row of each text, rows that repeat one, rows of texts that have several labels."""
    by_key: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(dataset.keys()):
        by_key[key].append(row)
    kept, repeats, conflicts = [], 0, 0
    for members in by_key.values():
        if len({dataset.labels[row] for row in members}) > 1:
            conflicts += len(members)
        else:
            kept.append(members[0])
            repeats += len(members) - 1
    return sorted(kept), repeats, conflicts


def _columns(source: DataSource) -> dict[str, str]:
    return {role: name for role, name in asdict(source.columns).items() if name is not None}
