"""Regression: a number for each text, or for each pair of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, normalised
from fitwright.data.interface import RowSource
from fitwright.data.kinds.texts import PAIR, TEXT, texts_of
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.values import number_at

KIND = "scored-text"
ROLES = (
    TEXT,
    Role(
        name="score",
        usual=(("score", "分数"), ("label", "target", "value", "标签"),
               ("rating", "stars", "y", "similarity", "评分")),
    ),
    PAIR,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScoredText:
    """``scores[i]`` is the number of ``texts[i]``, or of the pair that it makes with ``pairs[i]``."""

    texts: tuple[str, ...]
    scores: tuple[float, ...]
    pairs: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Iterable[int]) -> ScoredText:
        """The rows at ``indices``, in that order."""
        chosen = tuple(indices)
        return ScoredText(
            texts=tuple(self.texts[i] for i in chosen), scores=tuple(self.scores[i] for i in chosen),
            pairs=None if self.pairs is None else tuple(self.pairs[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The normalised texts; of a pair the first."""
        return tuple(normalised(text) for text in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of texts and scores."""
        seconds = self.pairs or ("",) * len(self)
        return fingerprint_of(
            "scored text 1" if self.pairs is None else "scored pairs 1",
            zip(self.texts, seconds, map(repr, self.scores), strict=True),
        )


def load_scored_text(path: Path, *, columns: Mapping[str, str] | None = None) -> tuple[ScoredText, RowSource]:
    """Read texts, or pairs of texts, with a number each.

    Args:
        path: a table.
        columns: ``text``, ``score`` and perhaps ``pair`` → column.

    Raises:
        DataError: unreadable file, unclear columns, a score that is no finite number, or one for all rows.
    """
    table = read_table(Path(path))
    found = find_columns(table, ROLES, columns)
    kept, left_out = complete_rows(
        table, found, [role for role in ("text", "pair", "score") if role in found]
    )
    texts, pairs = texts_of(table, found, kept)
    scores = tuple(number_at(table, found["score"], row) for row in kept)
    if len(set(scores)) == 1:
        raise DataError(
            f"the column {found['score']!r} has one value only", got=scores[0], allowed="numbers that differ",
            mend="Choose another with --column score=NAME.",
        )  # fmt: skip
    dataset = ScoredText(texts=texts, scores=scores, pairs=pairs)
    return dataset, RowSource(
        path=Path(path), kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out,
    )  # fmt: skip
