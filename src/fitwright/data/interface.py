"""What every kind of data can do, so that splitting, profiling and training need not know the kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable


class Dataset(Protocol):
    """Rows in memory. Implementations are frozen dataclasses of equally long tuples."""

    def __len__(self) -> int: ...

    def subset(self, indices: Iterable[int]) -> Self:
        """The rows at ``indices``, in that order; what belongs to all rows (class names) stays whole."""

    def keys(self) -> tuple[str, ...]:
        """One string a row: rows with the same one go to the same part of the split."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows in order, hexadecimal; the same in whatever format they are stored."""


@runtime_checkable
class Classified(Protocol):
    """A dataset of which each row has one class: ``names[labels[i]]``."""

    @property
    def labels(self) -> tuple[int, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True)
class RowSource:
    """Where the rows of a dataset came from.

    Attributes:
        path: the file or folder.
        kind: what was read, for example ``token-tags``.
        columns: role → column; empty where the format itself says what is what.
        fingerprint: of the dataset.
        rows: rows kept.
        left_out: reason → rows that were left out for it.
        notes: what the reader noticed and did not refuse, one sentence each.
    """

    path: Path
    kind: str
    columns: Mapping[str, str]
    fingerprint: str
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> int:
        """Rows left out."""
        return sum(self.left_out.values())

    def as_json(self) -> dict[str, Any]:
        """The manifest's ``data`` entry, without the split."""
        return {
            "fingerprint": self.fingerprint, "rows": self.rows, "dropped": self.dropped,
            "files": [str(self.path)], "kind": self.kind, "columns": dict(self.columns),
        }  # fmt: skip
