"""Which column holds the text and which the label: as told, else by name, else by content, else an error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fitwright.core.errors import DataError
from fitwright.data.table import Table

# The first tuple wins over the second; two matches within the second are ambiguous.
_TEXT_NAMES = (
    ("text", "文本"),
    ("sentence", "review", "content", "comment", "message", "document", "body", "question", "query", "tweet",
     "utterance", "review_text", "review_body", "reviewtext", "input",
     "评论", "内容", "句子", "正文", "评价", "留言"),
)  # fmt: skip
_LABEL_NAMES = (
    ("label", "labels", "标签"),
    ("sentiment", "class", "category", "target", "intent", "polarity", "topic", "rating", "stars", "y",
     "label_name", "label_text", "情感", "类别", "分类", "类型"),
)  # fmt: skip
_SAMPLE = 2000
MOST_CLASSES_BY_CONTENT = 50


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns that are used; ``pair``: of the second text, where rows are pairs of texts."""

    text: str
    label: str
    pair: str | None = field(default=None, repr=False)


def detect(
    table: Table, text: str | None = None, label: str | None = None, pair: str | None = None
) -> Columns:
    """Choose the text and the label column.

    Args:
        table: the table.
        text, label: the user's choice; ``None`` to detect. Detection looks for usual names (English and
            Chinese), then for the one column of clearly longest strings and the one with few distinct values.
        pair: the column of the second text; never detected.

    Raises:
        DataError: unknown column, the same column twice, or no single answer (asks for the options).
    """
    given = [name for name in (text, label, pair) if name is not None]
    for name in given:
        if name not in table.columns:
            raise _unknown(table, name)
    if text is not None and text == label:
        raise DataError("text and label are the same column", got=text, mend="Give two different columns.")
    if pair is not None and given.count(pair) > 1:
        raise DataError("one column is given twice", got=pair, mend="Give different columns.")
    sample = {name: values[:_SAMPLE] for name, values in table.columns.items() if name != pair}
    label_found = label or _by_name(sample, _LABEL_NAMES, taken=text, option="--label")
    text_found = text or _by_name(sample, _TEXT_NAMES, taken=label_found, option="--text")
    text_found = text_found or _longest(sample, taken=label_found)
    return Columns(text=text_found, label=label_found or _few_valued(sample, taken=text_found), pair=pair)


def detect_text(table: Table, text: str | None = None) -> str:
    """The text column alone, found as :func:`detect` finds it; for data without labels.

    Raises:
        DataError: unknown column, or no single answer.
    """
    if text is not None:
        if text not in table.columns:
            raise _unknown(table, text)
        return text
    sample = {name: values[:_SAMPLE] for name, values in table.columns.items()}
    return _by_name(sample, _TEXT_NAMES, taken=None, option="--text") or _longest(sample, taken=None)


def _unknown(table: Table, name: str) -> DataError:
    lowered = {column.casefold(): column for column in table.columns}
    near = difflib.get_close_matches(name.casefold(), lowered, n=1)
    mend = f"Did you mean {lowered[near[0]]!r}?" if near else None
    return DataError(f"no such column in {table.path}", got=name, allowed=", ".join(table.columns), mend=mend)


def _by_name(
    columns: Mapping[str, Sequence[str]], tiers: tuple[tuple[str, ...], ...], taken: str | None, option: str
) -> str | None:
    for tier in tiers:
        found = [name for name in columns if name.strip().casefold() in tier and name != taken]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(f"several columns could be meant by {option}", found, columns, option)
    return None


def _longest(columns: Mapping[str, Sequence[str]], taken: str | None) -> str:
    """The column whose values are on average at least twice as long as any other's."""
    means = {
        name: sum(map(len, values)) / max(1, len(values)) for name, values in columns.items() if name != taken
    }
    ranked = sorted(means, key=lambda name: means[name], reverse=True)
    clear = len(ranked) == 1 or (len(ranked) > 1 and means[ranked[0]] >= 2 * means[ranked[1]])
    if not ranked or not clear or means[ranked[0]] < 2:
        raise _ambiguous("which column holds the text is unclear", ranked, columns, "--text")
    return ranked[0]


def _few_valued(columns: Mapping[str, Sequence[str]], taken: str) -> str:
    """The one other column with 2 to 50 distinct values, each seen twice or more on average."""
    found = []
    for name, values in columns.items():
        kinds = len({value.strip() for value in values} - {""})
        if name != taken and 2 <= kinds <= min(MOST_CLASSES_BY_CONTENT, len(values) // 2):
            found.append(name)
    if len(found) != 1:
        raise _ambiguous("which column holds the label is unclear", found, columns, "--label")
    return found[0]


def _ambiguous(
    what: str, found: Sequence[str], columns: Mapping[str, Sequence[str]], option: str
) -> DataError:
    return DataError(
        what,
        got=", ".join(found) if found else None,
        allowed=f"one of the columns {', '.join(columns)}",
        mend=f"Say which with {option} NAME.",
    )
