"""Answers alone are learnt, and found whatever the template."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fitwright.core.errors import DataError, UsageError
from fitwright.data.kinds.conversations import Conversations, Message
from fitwright.modeling.chat_template import ChatTemplate
from fitwright.training.tasks.chat import Chat
from fitwright.training.tasks.next_token import IGNORED

TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "how was the film"},
    {"role": "assistant", "content": "the film was fine"},
    {"role": "user", "content": "and the story"},
    {"role": "assistant", "content": "dull"},
    {"role": "user", "content": "so"},
]
PLAIN = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
FORGETS = (
    "{% for m in messages %}{% if loop.last or m.role != 'assistant' %}{{ m.content }} {% endif %}"
    "{% endfor %}"
)


def with_template(source: Path, folder: Path, template: str) -> Path:
    shutil.copytree(source, folder)
    (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.mark.parametrize("template", [None, PLAIN])
def test_the_answers_are_learnt_and_nothing_else(
    small_writer: Path, tmp_path: Path, template: str | None
) -> None:
    from tokenizers import Tokenizer

    source = small_writer if template is None else with_template(small_writer, tmp_path / "own", template)
    read = ChatTemplate(source)
    assert read.own == (template is not None)
    ids, learnt = read.encode(TALK)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    wanted = [token for token, wanted in zip(ids, learnt, strict=True) if wanted]
    end = "" if template else " [SEP]"
    assert tokenizer.decode(wanted, skip_special_tokens=False) == f"the film was fine{end} dull{end}"
    assert "so" not in tokenizer.decode(ids).split()  # nothing behind the last answer is worth computing
    read.save(tmp_path)
    assert (tmp_path / "chat_template.jinja").read_text() == read.text


def test_a_template_that_rewrites_earlier_turns_is_refused(small_writer: Path, tmp_path: Path) -> None:
    template = ChatTemplate(with_template(small_writer, tmp_path / "own", FORGETS))
    with pytest.raises(UsageError, match="another way when others follow"):
        template.encode(TALK)


def test_long_conversations_lose_their_beginning_or_are_left_out(small_writer: Path, tmp_path: Path) -> None:
    short = (Message("user", "so"), Message("assistant", "fine"))
    long = (Message("user", "how was the film " * 20), Message("assistant", "dull"))
    rows = Conversations(messages=(short, long))
    cut = Chat().encode(rows, small_writer, tmp_path, 60)
    assert len(cut) == 2
    assert max(cut.lengths) == 60
    assert any("1 of 2 conversations" in note and "cut on the left" in note for note in cut.notes)
    assert all(any(label != IGNORED for label in labels) for labels in cut.labels)
    dropped = Chat(long="drop").encode(rows, small_writer, tmp_path, 60)
    assert len(dropped) == 1
    assert any("ChatML" in note for note in dropped.notes)
    with pytest.raises(DataError, match="no conversation is left"):
        Chat(long="drop").encode(rows.subset([1]), small_writer, tmp_path, 60)
