"""Extractive question answering: questions whose answers stand in a context."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, list_part, normalised
from fitwright.data.interface import RowSource
from fitwright.data.kinds.squad import read_squad
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table, nested, text_of
from fitwright.data.values import text_at, wrong_type

KIND = "question-answering"
ROLES = (
    Role(name="question", usual=(("question", "问题"), ("query", "提问"))),
    Role(
        name="context",
        usual=(("context", "上下文"), ("passage", "paragraph", "document", "段落", "文章", "原文")),
    ),
    Role(name="answers", usual=(("answers", "答案"), ("answer", "回答"))),
    Role(name="id", usual=(("id", "qid", "question_id", "编号"),), optional=True),
)


@dataclass(frozen=True)
class Answer:
    """A piece of a context and the character (from 0) at which it begins."""

    text: str
    start: int


@dataclass(frozen=True, kw_only=True)
class AnsweredQuestions:
    """Questions about contexts; each answer stands in its context, and a question may have none.

    Contexts are not stripped: the answers' offsets count from their first character.
    """

    ids: tuple[str, ...]
    questions: tuple[str, ...]
    contexts: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]

    def __len__(self) -> int:
        return len(self.questions)

    def subset(self, indices: Iterable[int]) -> AnsweredQuestions:
        """The questions at ``indices``, in that order."""
        chosen = tuple(indices)
        return AnsweredQuestions(
            ids=tuple(self.ids[i] for i in chosen), questions=tuple(self.questions[i] for i in chosen),
            contexts=tuple(self.contexts[i] for i in chosen), answers=tuple(self.answers[i] for i in chosen),
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The normalised contexts: all questions about one context go to one part."""
        seen = {context: normalised(context) for context in set(self.contexts)}
        return tuple(seen[context] for context in self.contexts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, questions, contexts and answers."""
        answers = (list_part([[a.text, a.start] for a in row]) for row in self.answers)
        return fingerprint_of(
            "question answering 1", zip(self.ids, self.questions, self.contexts, answers, strict=True)
        )


def load_questions(
    path: Path, *, columns: Mapping[str, str] | None = None
) -> tuple[AnsweredQuestions, RowSource]:
    """Read questions, contexts and answers.

    Args:
        path: SQuAD JSON (v1.1 or v2.0), or a table with a question, a context and ``answers`` a row:
            ``{"text": [...], "answer_start": [...]}``, or a list of ``{"text", "answer_start"}``. No answers
            (an empty list, or ``is_impossible``): the context does not answer the question.
        columns: role → column, of a table.

    Raises:
        DataError: unreadable file, unclear columns, answers of another form, the same id twice, or answers
            that do not stand where they say (how many, the first one, and where it does stand).
    """
    path = Path(path)
    table = read_squad(path) or read_table(path)
    found = find_columns(table, ROLES, columns)
    kept, left_out = complete_rows(table, found, ("question", "context"))
    contexts = [text_of(table.column(found["context"])[row]) for row in kept]
    answers = [_answers_at(table, found["answers"], row) for row in kept]
    _check_offsets(table, kept, contexts, answers)
    dataset = AnsweredQuestions(
        ids=_ids(table, kept, found.get("id")),
        questions=tuple(text_at(table, found["question"], row) for row in kept),
        contexts=tuple(contexts), answers=tuple(answers),
    )  # fmt: skip
    return dataset, RowSource(
        path=path, kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out,
    )  # fmt: skip


def _ids(table: Table, kept: Sequence[int], column: str | None) -> tuple[str, ...]:
    if column is None:
        return tuple(str(row + 1) for row in kept)
    ids = tuple(text_at(table, column, row) for row in kept)
    seen: set[str] = set()
    for row, name in zip(kept, ids, strict=True):
        if name in seen:
            raise DataError(
                f"{table.where(row)}: an id stands twice", got=name, mend="Give each question its own."
            )
        seen.add(name)
    return ids


def _answers_at(table: Table, column: str, row: int) -> tuple[Answer, ...]:
    value: Any = nested(table.column(column)[row])
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        if isinstance(texts, str):
            texts, starts = [texts], [starts]
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise _wrong_answers(table, column, row)
        pairs = list(zip(texts, starts, strict=True))
    elif isinstance(value, list) and all(isinstance(answer, dict) for answer in value):
        pairs = [(answer.get("text"), answer.get("answer_start")) for answer in value]
    else:
        raise _wrong_answers(table, column, row)
    if not all(isinstance(text, str) and text and type(start) is int for text, start in pairs):
        raise _wrong_answers(table, column, row)
    return tuple(dict.fromkeys(Answer(text, start) for text, start in pairs))


def _wrong_answers(table: Table, column: str, row: int) -> DataError:
    form = json.dumps({"text": ["in 1912"], "answer_start": [37]})
    return wrong_type(table, column, row, f"answers with their offsets, as {form}; no answer: empty lists")


def _check_offsets(
    table: Table, kept: Sequence[int], contexts: Sequence[str], answers: Sequence[Sequence[Answer]]
) -> None:
    wrong = [
        (row, context, answer)
        for row, context, given in zip(kept, contexts, answers, strict=True)
        for answer in given
        if answer.start < 0 or not context.startswith(answer.text, answer.start)
    ]
    if not wrong:
        return
    row, context, answer = wrong[0]
    raise DataError(
        f"{table.where(row)}: the answer does not stand at its offset in the context"
        + (f" ({len(wrong):,} answers in all)" if len(wrong) > 1 else ""),
        got=f"{answer.text[:40]} at {answer.start}", mend=_mend(context, answer),
    )  # fmt: skip


def _mend(context: str, answer: Answer) -> str:
    if answer.start >= 0 and context.encode()[answer.start :].startswith(answer.text.encode()):
        return "The offset counts bytes; count characters instead."
    place = context.find(answer.text)
    if place < 0:
        return "The context does not hold this text: answers are copied letter by letter."
    return f"It stands at {place}; offsets count characters from 0."
