"""Answers with names instead of probabilities, and the texts to answer for, from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError, UsageError
from fitwright.core.progress import Progress
from fitwright.data.columns import detect
from fitwright.data.encoding import encoding_error
from fitwright.data.reading import read_table
from fitwright.data.table import Table
from fitwright.engines.classifier import TextClassifier


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one text.

    Attributes:
        text: as given.
        label: the most probable class.
        score: its probability.
        scores: classes and their probabilities, most probable first; all of them, or the ``top_k`` first.
    """

    text: str
    label: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "label": self.label, "score": self.score, "scores": dict(self.scores)}


def predictions(
    classifier: TextClassifier,
    texts: Sequence[str],
    *,
    batch_size: int = 32,
    top_k: int | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """One :class:`Prediction` for each text, in order.

    Raises:
        UsageError: ``batch_size`` or ``top_k`` below 1.
    """
    if top_k is not None and top_k < 1:
        raise UsageError("top-k must be at least 1", got=top_k)
    probabilities_NC = classifier.predict(texts, batch_size, progress)
    answers = []
    for text, row_C in zip(texts, probabilities_NC, strict=True):
        order = (-row_C).argsort(kind="stable")[:top_k]
        scores = {classifier.labels[c]: float(row_C[c]) for c in order}
        label = next(iter(scores))
        answers.append(Prediction(text=text, label=label, score=scores[label], scores=scores))
    return answers


def read_texts(path: Path, column: str | None = None) -> list[str]:
    """The texts of a file: each line of a ``.txt`` that is not blank, or one column of a table.

    Args:
        path: ``.txt``, or what ``data.reading.read_table`` reads.
        column: of a table; ``None`` takes the only one, or the one that training would take.

    Raises:
        DataError: no such file, no texts, no such column, or several columns of which any could be meant.
    """
    if path.suffix.lower() != ".txt":
        table = read_table(path)
        return table.columns[_text_column(table, column)]
    if column is not None:
        raise DataError("a .txt file has no columns", got=column, mend="Leave --text out.")
    if not path.is_file():
        raise DataError("data file not found", got=str(path), mend="Check the path.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise encoding_error(path) from None
    return not_blank(lines, str(path))


def not_blank(lines: Sequence[str], where: str) -> list[str]:
    """``lines`` without the blank ones; none left is a :class:`DataError` that names ``where``."""
    texts = [line.rstrip("\r\n") for line in lines if line.strip()]
    if not texts:
        raise DataError("there is no text to classify", got=where, mend="Give one text a line.")
    return texts


def _text_column(table: Table, column: str | None) -> str:
    names = list(table.columns)
    if column is not None:
        if column not in names:
            raise DataError(f"no such column in {table.path}", got=column, allowed=", ".join(names))
        return column
    if len(names) == 1:
        return names[0]
    try:
        return detect(table).text
    except DataError:  # detection wants a label column too, which a file to predict need not have
        if "text" in names:
            return "text"
        raise DataError(
            f"which column of {table.path} holds the text is unclear",
            allowed=", ".join(names),
            mend="Say which with --text NAME.",
        ) from None
