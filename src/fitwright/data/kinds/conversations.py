"""Chat: conversations of messages, of which the assistant's are to be learned."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, list_part, normalised
from fitwright.data.interface import RowSource
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table, nested
from fitwright.data.values import text_at, wrong_type

KIND = "conversations"
SPEAKERS = ("system", "user", "assistant", "tool")
MESSAGES = (
    Role(name="messages", usual=(("messages",), ("conversations", "conversation", "chat", "dialog", "对话")),
         optional=True),
)  # fmt: skip
ROLES = (
    Role(name="prompt", usual=(("prompt", "提示"), ("instruction", "question", "query", "指令", "问题"))),
    Role(
        name="completion",
        usual=(("completion",), ("response", "output", "answer", "chosen", "回答", "输出", "答案")),
    ),
    Role(name="input", usual=(("input", "输入"),), optional=True),
    Role(name="system", usual=(("system", "system_prompt", "系统"),), optional=True),
)  # fmt: skip
_OTHER_NAMES = {
    "human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "developer": "system",
    "function": "tool", "observation": "tool",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """What one speaker says: ``system``, ``user``, ``assistant`` or ``tool``."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Conversations:
    """Conversations, each with at least one message of the assistant."""

    messages: tuple[tuple[Message, ...], ...]

    def __len__(self) -> int:
        return len(self.messages)

    def subset(self, indices: Iterable[int]) -> Conversations:
        """The conversations at ``indices``, in that order."""
        return Conversations(messages=tuple(self.messages[i] for i in indices))

    def keys(self) -> tuple[str, ...]:
        """The user's first message, normalised: versions and beginnings of a conversation stay together."""
        return tuple(
            normalised(next((m.content for m in row if m.role == "user"), row[0].content))
            for row in self.messages
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all messages."""
        rows = ([[m.role, m.content] for m in row] for row in self.messages)
        return fingerprint_of("conversations 1", ((list_part(row),) for row in rows))


def load_conversations(
    path: Path, *, columns: Mapping[str, str] | None = None
) -> tuple[Conversations, RowSource]:
    """Read conversations.

    Args:
        path: a table with ``messages`` a row, a list of ``{"role", "content"}`` (or ``{"from", "value"}``
            with ``human`` and ``gpt``); or with a prompt and a completion a row, and perhaps an ``input``
            that follows the prompt and a ``system`` message.
        columns: role → column.

    Raises:
        DataError: unreadable file, unclear columns, an unknown speaker, an empty message, content that is not
            text, or a conversation in which the assistant says nothing.
    """
    table = read_table(Path(path))
    chosen = dict(columns or {})
    found = find_columns(table, MESSAGES, chosen) if not chosen or "messages" in chosen else {}
    if found:
        kept, left_out = complete_rows(table, found, ("messages",))
        rows = [_messages_at(table, found["messages"], row) for row in kept]
    else:
        found = find_columns(table, ROLES, chosen)
        kept, left_out = complete_rows(table, found, ("prompt", "completion"))
        rows = [_pair_at(table, found, row) for row in kept]
    dataset = Conversations(messages=tuple(rows))
    return dataset, RowSource(
        path=Path(path), kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out, notes=_notes(rows),
    )  # fmt: skip


def _pair_at(table: Table, found: Mapping[str, str], row: int) -> tuple[Message, ...]:
    text = {role: text_at(table, column, row) for role, column in found.items()}
    prompt = "\n\n".join(part for part in (text["prompt"], text.get("input", "")) if part)
    system = (Message("system", text["system"]),) if text.get("system") else ()
    return (*system, Message("user", prompt), Message("assistant", text["completion"]))


def _messages_at(table: Table, column: str, row: int) -> tuple[Message, ...]:
    value = nested(table.column(column)[row])
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise wrong_type(table, column, row, 'a list of messages like {"role": "user", "content": "..."}')
    messages = tuple(
        _message(message, f"{table.where(row)}, message {place}")
        for place, message in enumerate(value, start=1)
    )
    if not any(message.role == "assistant" for message in messages):
        raise DataError(
            f"{table.where(row)}: the assistant says nothing, so there is nothing to learn",
            got=", ".join(message.role for message in messages), mend="Add its message, or remove the row.",
        )  # fmt: skip
    return messages


def _message(message: Mapping[str, Any], where: str) -> Message:
    said = message.get("role", message.get("from"))
    role = _OTHER_NAMES.get(said, said) if isinstance(said, str) else None
    if role not in SPEAKERS:
        raise DataError(f"{where}: unknown speaker", got=said, allowed=", ".join((*SPEAKERS, *_OTHER_NAMES)))
    if message.get("tool_calls"):
        raise DataError(f"{where}: calls of tools are not supported", mend="Write the call as content.")
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        content = _joined(content, where)
    if not isinstance(content, str) or not content.strip():
        raise DataError(f"{where}: a message without text", got=content, allowed="a text with letters in it")
    return Message(role, content)


def _joined(parts: Sequence[Any], where: str) -> str:
    texts: list[str] = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise DataError(
                f"{where}: a part of the content is not text", got=str(part)[:60], allowed="parts of text"
            )
        texts.append(text)
    return "".join(texts)


def _notes(rows: Sequence[Sequence[Message]]) -> tuple[str, ...]:
    """What chat templates or trainers may stumble over, counted."""
    counts: Counter[str] = Counter()
    for row in rows:
        spoken = [message.role for message in row]
        talk = [role for role in spoken if role in ("user", "assistant")]
        counts["end without an answer of the assistant"] += spoken[-1] != "assistant"
        counts["begin with the assistant"] += talk[0] != "user"
        counts["have two messages of one speaker in a row, which some chat templates refuse"] += any(
            one == other for one, other in itertools.pairwise(talk)
        )
        counts["have a system message that is not the first"] += "system" in spoken[1:]
    return tuple(f"conversations that {what}: {count:,}" for what, count in counts.items() if count)
