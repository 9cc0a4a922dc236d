"""What the kinds of one text or a pair of texts a row share: which columns hold them, and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitwright.data.roles import Role
from fitwright.data.table import Table
from fitwright.data.values import text_at

TEXT = Role(
    name="text",
    usual=(
        ("text", "文本", "sentence1", "text1", "premise", "句子1", "文本1"),
        ("sentence", "review", "content", "comment", "message", "document", "body", "question", "query",
         "评论", "内容", "句子", "正文"),
    ),
)  # fmt: skip
PAIR = Role(
    name="pair",
    usual=(("pair", "text_pair", "sentence2", "text2", "hypothesis", "句子2", "文本2"),),
    optional=True,
)


def texts_of(
    table: Table, found: Mapping[str, str], kept: Sequence[int]
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The texts of the rows ``kept``, and their second texts where a column plays ``pair``."""
    first = tuple(text_at(table, found["text"], row) for row in kept)
    second = tuple(text_at(table, found["pair"], row) for row in kept) if "pair" in found else None
    return first, second
