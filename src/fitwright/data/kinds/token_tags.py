"""Token classification: sentences of tokens, each with a tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, list_part, normalised
from fitwright.data.dataset import check_known
from fitwright.data.interface import RowSource
from fitwright.data.kinds.conll import CONLL_SUFFIXES, read_conll
from fitwright.data.kinds.tag_scheme import scheme_of, stray_tags
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table
from fitwright.data.values import words_at

KIND = "token-tags"
ROLES = (
    Role(
        name="tokens",
        usual=(("tokens",), ("words", "token", "word", "sentence", "text", "词", "分词", "文本")),
    ),
    Role(
        name="tags",
        usual=(
            ("tags", "标注"),
            ("ner_tags", "ner", "labels", "标签"),
            ("pos_tags", "pos", "tag", "label"),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class TaggedTokens:
    """Sentences: ``names[tags[i][j]]`` is the tag of ``tokens[i][j]``."""

    tokens: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if [len(row) for row in self.tokens] != [len(row) for row in self.tags]:
            raise DataError("each token needs one tag")

    def __len__(self) -> int:
        return len(self.tokens)

    def subset(self, indices: Iterable[int]) -> TaggedTokens:
        """The sentences at ``indices``, in that order, with all tag names."""
        chosen = tuple(indices)
        return TaggedTokens(
            tokens=tuple(self.tokens[i] for i in chosen), tags=tuple(self.tags[i] for i in chosen),
            names=self.names,
        )  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The normalised sentences."""
        return tuple(normalised("".join(row)) for row in self.tokens)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of tokens and tag names."""
        rows = zip(self.tokens, self.tag_names(), strict=True)
        return fingerprint_of("token tags 1", ((list_part(words), list_part(tags)) for words, tags in rows))

    def tag_names(self) -> list[tuple[str, ...]]:
        """The tags of each sentence by name."""
        return [tuple(self.names[tag] for tag in row) for row in self.tags]


def load_token_tags(
    path: Path, *, columns: Mapping[str, str] | None = None, names: Sequence[str] | None = None
) -> tuple[TaggedTokens, RowSource]:
    """Read tagged sentences.

    Args:
        path: a table with a list of tokens and a list of tags in each row (or texts with white space between
            them), or a CoNLL file (``.conll``, ``.bio``, ``.iob``, ``.txt``): a token a line, a blank line
            after each sentence, the first column the token and the last its tag.
        columns: role → column; of a CoNLL file the columns' numbers from 1.
        names: the tags in order where a model already fixes them; ``None``: ``O`` first, the others sorted.

    Returns:
        The sentences that have a token, and their source, whose notes say whether tags break their scheme.

    Raises:
        DataError: unreadable file, unclear columns, a token without a tag, an unknown tag.
    """
    path = Path(path)
    if path.suffix.lower() in CONLL_SUFFIXES:
        table, found = read_conll(path, columns), {"tokens": "tokens", "tags": "tags"}
    else:
        table = read_table(path)
        found = find_columns(table, ROLES, columns)
    kept, left_out = complete_rows(table, found, ("tokens", "tags"))
    tokens = [words_at(table, found["tokens"], row) for row in kept]
    tags = [words_at(table, found["tags"], row) for row in kept]
    for row, words, marks in zip(kept, tokens, tags, strict=True):
        if len(words) != len(marks):
            raise DataError(
                f"{table.where(row)}: a sentence has not as many tags as tokens",
                got=f"{len(words)} tokens, {len(marks)} tags", mend="Give each token one tag.",
            )  # fmt: skip
    order = tuple(names) if names is not None else _ordered({mark for marks in tags for mark in marks})
    if names is not None:
        check_known({mark for marks in tags for mark in marks}, order, found["tags"])
    elif len(order) < 2:
        raise DataError(
            f"all tokens of {path} have one tag", got=order[0], allowed="two tags or more",
            mend="Check that --column tags names the column of the tags.",
        )  # fmt: skip
    place = {name: index for index, name in enumerate(order)}
    dataset = TaggedTokens(
        tokens=tuple(tokens), tags=tuple(tuple(place[mark] for mark in marks) for marks in tags), names=order
    )
    return dataset, RowSource(
        path=path, kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out, notes=_scheme_notes(table, kept, tags, order),
    )  # fmt: skip


def _ordered(names: set[str]) -> tuple[str, ...]:
    return (*sorted(names & {"O"}), *sorted(names - {"O"}))


def _scheme_notes(
    table: Table, kept: Sequence[int], tags: Sequence[Sequence[str]], names: Sequence[str]
) -> tuple[str, ...]:
    scheme = scheme_of(names)
    if scheme == "plain":
        return ()
    count, first = 0, ""
    for row, marks in zip(kept, tags, strict=True):
        stray = stray_tags(marks, scheme)
        if stray and not count:
            first = f"{marks[stray[0]]!r} at token {stray[0] + 1} of {table.where(row)}"
        count += len(stray)
    if not count:
        return ()
    return (
        f"tags that break the {scheme} scheme: {count:,}, first {first}; they continue no entity of their "
        "type or leave one open, are kept as they are, and are scored as the beginning of an entity",
    )
