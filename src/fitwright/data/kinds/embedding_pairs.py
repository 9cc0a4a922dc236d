"""Embeddings: pairs of texts that belong together, triplets with texts that do not, or pairs with a score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, list_part, normalised
from fitwright.data.interface import RowSource
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table, nested, text_of
from fitwright.data.values import number_at, text_at, wrong_type

KIND = "embedding-pairs"
Form = Literal["pairs", "triplets", "scored"]
ROLES = (
    Role(
        name="anchor",
        usual=(
            ("anchor",),
            ("sentence1", "sentence_a", "sentence_1", "text1", "text_a", "query", "question", "question1",
             "句子1", "文本1", "查询", "问题"),
        ),
    ),
    Role(
        name="positive",
        usual=(
            ("positive", "pos"),
            ("sentence2", "sentence_b", "sentence_2", "text2", "text_b", "question2", "句子2", "文本2"),
            ("passage", "document", "answer", "答案", "段落", "文档"),
        ),
    ),
    Role(
        name="negative",
        usual=(("negative", "neg"), ("negatives", "hard_negative", "hard_negatives")),
        optional=True,
    ),
    Role(
        name="score",
        usual=(("score",), ("similarity", "similarity_score", "相似度", "分数"), ("label", "标签")),
        optional=True,
    ),
)  # fmt: skip
_NUMBERED = re.compile(r"(hard_)?neg(ative)?[_-]?\d+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class EmbeddingPairs:
    """``positives[i]`` belongs to ``anchors[i]``, as far as ``scores[i]`` says where there are scores.

    Attributes:
        negatives: texts that do not belong to the anchor, at least one a row; ``None`` without any.
        scores: likeness of anchor and positive, larger is more alike, in the file's own range; ``None``: all
            pairs belong together. Not both of these.
    """

    anchors: tuple[str, ...]
    positives: tuple[str, ...]
    negatives: tuple[tuple[str, ...], ...] | None = None
    scores: tuple[float, ...] | None = None

    @property
    def form(self) -> Form:
        """``pairs``, ``triplets`` or ``scored``."""
        if self.scores is not None:
            return "scored"
        return "pairs" if self.negatives is None else "triplets"

    def __len__(self) -> int:
        return len(self.anchors)

    def subset(self, indices: Iterable[int]) -> EmbeddingPairs:
        """The rows at ``indices``, in that order."""
        chosen = tuple(indices)
        return EmbeddingPairs(
            anchors=tuple(self.anchors[i] for i in chosen),
            positives=tuple(self.positives[i] for i in chosen),
            negatives=None if self.negatives is None else tuple(self.negatives[i] for i in chosen),
            scores=None if self.scores is None else tuple(self.scores[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The normalised anchors: all rows of one anchor go to one part. A positive may be in two parts."""
        return tuple(normalised(text) for text in self.anchors)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all texts and scores."""
        return fingerprint_of(f"embedding {self.form} 1", (
            (self.anchors[i], self.positives[i],
             list_part(self.negatives[i]) if self.negatives is not None else "",
             repr(self.scores[i]) if self.scores is not None else "")
            for i in range(len(self))
        ))  # fmt: skip


def load_embedding_pairs(
    path: Path, *, columns: Mapping[str, str] | None = None
) -> tuple[EmbeddingPairs, RowSource]:
    """Read pairs, triplets or scored pairs.

    Args:
        path: a table. ``negative`` may hold a list, and several columns ``negative_1``, ``negative_2`` … are
            taken together.
        columns: role → column; ``{"score": ""}`` leaves the scores of a file aside, ``negative`` may name
            several with commas between them.

    Raises:
        DataError: unreadable file, unclear columns, both negatives and scores, a score that is no number, or
            scores that are all the same.
    """
    table, chosen = read_table(Path(path)), dict(columns or {})
    several = [name.strip() for name in chosen.get("negative", "").split(",")]
    if len(several) > 1:  # as a record has them
        chosen["negative"] = ""
    found = find_columns(table, ROLES, chosen)
    if "negative" in found and "score" in found:
        raise DataError(
            f"{path} has negatives and scores", got=f"{found['negative']}, {found['score']}",
            allowed="one of them", mend="Leave one aside: --column score= or --column negative=",
        )  # fmt: skip
    required = [role for role in ("anchor", "positive", "negative", "score") if role in found]
    kept, left_out = complete_rows(table, found, required)
    numbered = several if len(several) > 1 else _numbered(table, found, chosen)
    sources = [found["negative"]] if "negative" in found else numbered
    left = {role: "" for role, name in (columns or {}).items() if not name}  # so that it is read so again
    dataset = EmbeddingPairs(
        anchors=tuple(text_at(table, found["anchor"], row) for row in kept),
        positives=tuple(text_at(table, found["positive"], row) for row in kept),
        negatives=tuple(_negatives_at(table, sources, row) for row in kept) if sources else None,
        scores=tuple(number_at(table, found["score"], row) for row in kept) if "score" in found else None,
    )
    if dataset.scores is not None and len(set(dataset.scores)) == 1:
        raise DataError(
            f"all scores of {path} are the same", got=dataset.scores[0],
            mend="Leave them aside where every pair belongs together: --column score=",
        )  # fmt: skip
    return dataset, RowSource(
        path=Path(path), kind=KIND,
        columns={**found, **left, **({"negative": ", ".join(numbered)} if numbered else {})},
        fingerprint=dataset.fingerprint, rows=len(dataset), left_out=left_out,
    )  # fmt: skip


def _numbered(table: Table, found: Mapping[str, str], chosen: Mapping[str, str]) -> list[str]:
    """Columns such as ``negative_1``, where nothing else is said of negatives."""
    if "negative" in found or "score" in found or "negative" in chosen:
        return []
    return [name for name in table.values if _NUMBERED.fullmatch(name.strip())]


def _negatives_at(table: Table, columns: Sequence[str], row: int) -> tuple[str, ...]:
    texts: list[str] = []
    for column in columns:
        value = nested(table.column(column)[row])
        elements = value if isinstance(value, list) else [value]
        if any(isinstance(element, (list, dict)) for element in elements):
            raise wrong_type(table, column, row, "a text or a list of texts")
        texts += [text for element in elements if (text := text_of(element).strip())]
    if not texts:
        raise wrong_type(table, columns[0], row, "a text that does not belong to the anchor")
    return tuple(texts)
