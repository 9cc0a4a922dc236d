"""Multi-label classification: any number of classes for each text, or for each pair of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError, UsageError
from fitwright.data.content import fingerprint_of, list_part, normalised
from fitwright.data.dataset import MIN_ROWS_PER_CLASS, MOST_CLASSES, check_known, sorted_names
from fitwright.data.interface import RowSource
from fitwright.data.kinds.texts import PAIR, TEXT, texts_of
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table, nested, text_of
from fitwright.data.values import words_at, wrong_type

KIND = "multi-label-text"
LABELS = Role(
    name="labels",
    usual=(
        ("labels", "label", "标签"),
        ("tags", "topics", "categories", "classes", "genres", "类别", "分类"),
    ),
    optional=True,
)
_TRUE, _FALSE = frozenset(("1", "1.0", "true")), frozenset(("0", "0.0", "false", ""))


@dataclass(frozen=True, kw_only=True)
class MultiLabelText:
    """The classes of row ``i`` are ``names[c]`` for each ``c`` in ``label_sets[i]``: ascending, or none."""

    texts: tuple[str, ...]
    label_sets: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    pairs: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Iterable[int]) -> MultiLabelText:
        """The rows at ``indices``, in that order, with all class names."""
        chosen = tuple(indices)
        return MultiLabelText(
            texts=tuple(self.texts[i] for i in chosen), names=self.names,
            label_sets=tuple(self.label_sets[i] for i in chosen),
            pairs=None if self.pairs is None else tuple(self.pairs[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The normalised texts; of a pair the first."""
        return tuple(normalised(text) for text in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of texts and class names."""
        seconds = self.pairs or ("",) * len(self)
        named = (list_part([self.names[c] for c in row]) for row in self.label_sets)
        return fingerprint_of(
            "multi-label text 1" if self.pairs is None else "multi-label pairs 1",
            zip(self.texts, seconds, named, strict=True),
        )

    def counts(self) -> tuple[int, ...]:
        """Rows of each class, in the order of ``names``."""
        seen = Counter(c for row in self.label_sets for c in row)
        return tuple(seen[c] for c in range(len(self.names)))


def load_multilabel(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    label_columns: Sequence[str] = (),
    names: Sequence[str] | None = None,
) -> tuple[MultiLabelText, RowSource]:
    """Read texts with any number of classes.

    Args:
        path: a table. The classes of a row stand in one column, as a list or divided by ``|``, else by ``,``;
            an empty value is a row without a class. Or each class has a column of 0 and 1.
        columns: ``text``, ``labels`` and perhaps ``pair`` → column.
        label_columns: the columns of 0 and 1. Without them, and without a ``labels`` column, all columns that
            hold nothing but 0 and 1 (two at least).
        names: the classes in order where a model already fixes them.

    Raises:
        DataError: unreadable file, unclear columns, a value that is not 0 or 1, one class, too many, or a
            class in fewer than 8 rows.
        UsageError: both ``label_columns`` and a ``labels`` column.
    """
    table = read_table(Path(path))
    chosen = dict(columns or {})
    if label_columns and chosen.get("labels"):
        raise UsageError("the labels are given in one column and in several", got=chosen["labels"],
                         allowed="one of both")  # fmt: skip
    roles = (TEXT, PAIR) if label_columns else (TEXT, LABELS, PAIR)
    found = find_columns(table, roles, chosen)
    flags = list(label_columns) if "labels" not in found else []
    if not flags and "labels" not in found:
        flags = _flag_columns(table, set(found.values()))
    kept, left_out = complete_rows(table, found, [role for role in ("text", "pair") if role in found])
    named = [
        _flagged_at(table, flags, row) if flags else _labels_at(table, found["labels"], row) for row in kept
    ]
    present = {name for row in named for name in row}
    order = tuple(names) if names is not None else tuple(flags) or sorted_names(present)
    where = ", ".join(flags) or found.get("labels", "")
    place = {name: index for index, name in enumerate(order)}
    if names is not None:
        check_known(present, order, where)
    texts, pairs = texts_of(table, found, kept)
    dataset = MultiLabelText(
        texts=texts, pairs=pairs, names=order,
        label_sets=tuple(tuple(sorted(place[name] for name in row)) for row in named),
    )  # fmt: skip
    if names is None:
        _check_counts(dataset, where)
    return dataset, RowSource(
        path=Path(path), kind=KIND, columns={**found, "labels": where}, fingerprint=dataset.fingerprint,
        rows=len(dataset), left_out=left_out,
    )  # fmt: skip


def _flag_columns(table: Table, taken: set[str]) -> list[str]:
    """The columns of nothing but 0 and 1."""
    flags = [
        name for name, values in table.values.items()
        if name not in taken and all(text_of(value).strip().lower() in _TRUE | _FALSE for value in values)
    ]  # fmt: skip
    if len(flags) < 2:
        raise DataError(
            f"{table.path} has no column called like 'labels', and not several columns of 0 and 1",
            got=f"columns {', '.join(table.values)}", mend="Say which it is: --column labels=NAME",
        )  # fmt: skip
    return flags


def _flagged_at(table: Table, flags: Sequence[str], row: int) -> set[str]:
    named = set()
    for name in flags:
        value = text_of(table.column(name)[row]).strip().lower()
        if value not in _TRUE | _FALSE:
            raise wrong_type(table, name, row, "0 or 1")
        if value in _TRUE:
            named.add(name)
    return named


def _labels_at(table: Table, column: str, row: int) -> set[str]:
    value = nested(table.column(column)[row])
    if isinstance(value, list):
        return {name for name in words_at(table, column, row) if name.strip()}
    if isinstance(value, dict):
        raise wrong_type(table, column, row, "a list of classes")
    text = text_of(value)
    return {name.strip() for name in text.split("|" if "|" in text else ",")} - {""}


def _check_counts(dataset: MultiLabelText, column: str) -> None:
    counts = dict(zip(dataset.names, dataset.counts(), strict=True))
    if len(counts) < 2 or len(counts) > MOST_CLASSES:
        raise DataError(
            f"the labels in {column!r} do not look like classes", got=f"{len(counts):,} distinct ones",
            allowed=f"2 to {MOST_CLASSES:,}", mend="Choose another column with --column labels=NAME.",
        )  # fmt: skip
    rare = [name for name in dataset.names if counts[name] < MIN_ROWS_PER_CLASS]
    if rare:
        raise DataError(
            f"classes of {column!r} are too rare to train and to test on",
            got=", ".join(f"{name} ({counts[name]})" for name in rare[:5])
            + (f" and {len(rare) - 5} more" if len(rare) > 5 else ""),
            allowed=f"{MIN_ROWS_PER_CLASS} rows or more each",
            mend="Add rows, merge these classes or remove them.",
        )  # fmt: skip
