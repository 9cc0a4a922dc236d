"""Labelled text in memory, and where it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.columns import Columns, detect
from fitwright.data.content import fingerprint_of, normalised
from fitwright.data.reading import read_table
from fitwright.data.table import Table

MIN_ROWS_PER_CLASS = 8
MOST_CLASSES = 1000


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """Texts with class indices. ``names[labels[i]]`` is the class of ``texts[i]``.

    ``pairs[i]`` is the second text of row ``i`` where a row is a pair of texts, else ``pairs`` is ``None``.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    pairs: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise DataError("as many labels as texts are needed", got=(len(self.texts), len(self.labels)))
        if self.pairs is not None and len(self.pairs) != len(self.texts):
            raise DataError(
                "as many second texts as texts are needed", got=(len(self.texts), len(self.pairs))
            )
        if self.labels and not 0 <= min(self.labels) <= max(self.labels) < len(self.names):
            raise DataError(
                "a label index is out of range", got=max(self.labels), allowed=f"0 to {len(self.names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Iterable[int]) -> LabelledText:
        """The rows at ``indices``, in that order, with all class names."""
        chosen = tuple(indices)
        return LabelledText(
            texts=tuple(self.texts[i] for i in chosen),
            labels=tuple(self.labels[i] for i in chosen),
            names=self.names,
            pairs=None if self.pairs is None else tuple(self.pairs[i] for i in chosen),
        )

    def keys(self) -> tuple[str, ...]:
        """The normalised texts; of a pair the first text, so that all pairs of one text stay together."""
        return tuple(normalised(text) for text in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """See :func:`fingerprint`."""
        return fingerprint(self)


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Where a dataset came from.

    Attributes:
        path: the file.
        columns: the columns used.
        fingerprint: SHA-256 of the used texts and labels in order; the same for the same content in CSV,
            JSON lines or Parquet, with any line ending.
        rows: rows kept.
        empty_texts, missing_labels: rows left out, by reason (a row with neither counts as an empty text).
    """

    path: Path
    columns: Columns
    fingerprint: str
    rows: int
    empty_texts: int = 0
    missing_labels: int = 0

    @property
    def dropped(self) -> int:
        """Rows left out."""
        return self.empty_texts + self.missing_labels

    def as_json(self) -> dict[str, Any]:
        """The manifest's ``data`` entry, without the split."""
        return {
            "fingerprint": self.fingerprint, "rows": self.rows, "dropped": self.dropped,
            "files": [str(self.path)], "text_column": self.columns.text, "label_column": self.columns.label,
            **({"pair_column": self.columns.pair} if self.columns.pair is not None else {}),
        }  # fmt: skip


def load_labelled(
    path: Path,
    *,
    text: str | None = None,
    label: str | None = None,
    names: Sequence[str] | None = None,
    pair: str | None = None,
) -> tuple[LabelledText, DataSource]:
    """Read labelled text.

    Args:
        path: what ``data.reading.read_table`` reads.
        text, label: columns; ``None`` to detect them.
        names: the classes in order where a model already fixes them (evaluation): other labels are an
            error, and absent or rare classes are not. ``None``: the sorted labels of the file.
        pair: the column of the second text where a row is a pair of texts.

    Returns:
        The rows that have both a text and a label, stripped of outer white space, and their source.

    Raises:
        DataError: unreadable file, unclear columns, one class only, too many classes, a class too rare to be
            split, an unknown label.
    """
    table = read_table(Path(path))
    columns = detect(table, text, label, pair)
    texts, pairs, labels, empty, missing = _kept_rows(table, columns)
    if not texts:
        raise DataError(
            f"no row of {path} has both a text and a label",
            got=f"{empty} empty texts, {missing} missing labels",
            mend="Check that --text and --label name the right columns.",
        )
    order = tuple(names) if names is not None else sorted_names(set(labels))
    if names is None:
        check_classes(labels, columns.label)
    else:
        check_known(labels, order, columns.label)
    place = {name: index for index, name in enumerate(order)}
    dataset = LabelledText(
        texts=tuple(texts), labels=tuple(place[name] for name in labels), names=order,
        pairs=tuple(pairs) if pair is not None else None,
    )  # fmt: skip
    source = DataSource(
        path=Path(path), columns=columns, fingerprint=fingerprint(dataset), rows=len(dataset),
        empty_texts=empty, missing_labels=missing,
    )  # fmt: skip
    return dataset, source


def _kept_rows(table: Table, columns: Columns) -> tuple[list[str], list[str], list[str], int, int]:
    texts, pairs, labels, empty, missing = [], [], [], 0, 0
    seconds = table.columns[columns.pair or columns.text]
    rows = zip(table.columns[columns.text], seconds, table.columns[columns.label], strict=True)
    for text, second, label in rows:
        text, second, label = text.strip(), second.strip(), label.strip()
        if not text or not second:
            empty += 1
        elif not label:
            missing += 1
        else:
            texts.append(text)
            pairs.append(second)
            labels.append(label)
    return texts, pairs, labels, empty, missing


def sorted_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Class names in order: numerically where all are integers, else by code point."""
    try:
        return tuple(sorted(labels, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(labels))


def check_classes(labels: Sequence[str], column: str) -> None:
    """Raise where ``labels``, one a row, are not classes that can be trained and tested on."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise DataError(
            f"the label column {column!r} has one class only", got=next(iter(counts)),
            allowed="two classes or more", mend="Give a file with rows of every class, or another --label.",
        )  # fmt: skip
    if _looks_continuous(counts, len(labels)):
        raise DataError(
            f"the label column {column!r} does not look like classes",
            got=f"{len(counts):,} distinct values in {len(labels):,} rows",
            allowed=f"up to {MOST_CLASSES:,} classes, each with {MIN_ROWS_PER_CLASS} rows or more",
            mend="It looks like numbers to regress on, or ids: choose the class column with --label NAME.",
        )
    rare = [name for name, count in counts.items() if count < MIN_ROWS_PER_CLASS]
    if rare:
        shown = ", ".join(f"{name} ({counts[name]})" for name in sorted_names(rare)[:5])
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        raise DataError(
            f"classes of the column {column!r} are too rare to train and to test on", got=shown + more,
            allowed=f"{MIN_ROWS_PER_CLASS} rows or more each",
            mend="Add rows, merge these classes with others, or remove them.",
        )  # fmt: skip


def _looks_continuous(counts: Counter[str], rows: int) -> bool:
    """More than 1,000 values; or more than 50 that are mostly rare; or more than 20 fractional numbers."""
    distinct = len(counts)
    if distinct > MOST_CLASSES or (distinct > 50 and distinct * MIN_ROWS_PER_CLASS > rows):
        return True
    return distinct > 20 and sum(_is_fractional(name) for name in counts) > distinct / 2


def _is_fractional(name: str) -> bool:
    try:
        return not float(name).is_integer()
    except (ValueError, OverflowError):
        return False


def check_known(labels: Iterable[str], names: tuple[str, ...], column: str) -> None:
    """Raise where a label is not among the names that a model has."""
    unknown = set(labels) - set(names)
    if unknown:
        raise DataError(
            f"the label column {column!r} has labels that the model does not know",
            got=", ".join(sorted_names(unknown)[:5]), allowed=", ".join(names),
            mend="Rename the labels in the file, or choose another --label.",
        )  # fmt: skip


def fingerprint(dataset: LabelledText) -> str:
    """SHA-256 over the rows in order: NFC text with ``\\n`` line ends, second text if any, class name."""
    names = [dataset.names[label] for label in dataset.labels]
    if dataset.pairs is None:
        return fingerprint_of("labelled text 1", zip(dataset.texts, names, strict=True))
    return fingerprint_of("labelled pairs 1", zip(dataset.texts, dataset.pairs, names, strict=True))
