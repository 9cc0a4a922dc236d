"""Conversations as one text, by the template that belongs to a model's tokenizer.

The assistant's words are found by rendering beginnings of the conversation, so that any template will do that
writes a turn the same way whatever follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import write_text
from fitwright.core.optional import require
from fitwright.modeling.quiet import quiet_transformers

TEMPLATE_FILE = "chat_template.jinja"
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + 'END' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""What a tokenizer without a template gets; END is its ``<|im_end|>``, or the token that ends its texts."""


class ChatTemplate:
    """The template of a tokenizer's folder, or ChatML where it has none.

    Attributes:
        own: whether the folder has one.
        text: the template, in Jinja.
    """

    def __init__(self, folder: Path) -> None:
        """Read tokenizer and template of a model's folder.

        Raises:
            UsageError: the tokenizer cannot be read, or has nothing that could end an answer.
        """
        try:
            with quiet_transformers():
                self._tokenizer: Any = require("transformers").AutoTokenizer.from_pretrained(
                    folder, use_fast=True, trust_remote_code=False, local_files_only=True
                )
        except (ValueError, OSError, KeyError, TypeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise UsageError(f"the tokenizer cannot be read: {reason}", got=str(folder)) from error
        found = self._tokenizer.chat_template
        if isinstance(found, dict):  # several by name
            found = found.get("default")
        self.own = isinstance(found, str)
        self.text: str = found if isinstance(found, str) else CHATML.replace("END", self._end(folder))

    def _end(self, folder: Path) -> str:
        known = self._tokenizer.get_vocab()
        end = "<|im_end|>" if "<|im_end|>" in known else self._tokenizer.eos_token
        if end is None:
            raise UsageError(
                "the tokenizer has neither a chat template nor a token that ends a text", got=str(folder),
                mend="Set eos_token or chat_template in tokenizer_config.json.",
            )  # fmt: skip
        return str(end)

    def render(self, messages: Sequence[dict[str, str]], *, ask: bool = False) -> str:
        """The conversation as text; with ``ask`` up to where the assistant's next words would stand.

        Raises:
            UsageError: the template refuses it, such as for its order of speakers.
        """
        try:
            text: str = self._tokenizer.apply_chat_template(
                list(messages), chat_template=self.text, tokenize=False, add_generation_prompt=ask
            )
        except Exception as error:  # templates raise whatever Jinja leads them into
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            spoken = ", ".join(message["role"] for message in messages)
            raise UsageError(
                f"the chat template refuses a conversation: {reason}", got=spoken[:200]
            ) from None
        return text

    def spans(self, messages: Sequence[dict[str, str]]) -> tuple[str, list[tuple[int, int]]]:
        """The conversation up to the last answer, and where in it each answer stands, its end mark included.

        Raises:
            UsageError: the template refuses it, or writes earlier turns another way when others follow.
        """
        last = max(place for place, message in enumerate(messages) if message["role"] == "assistant")
        whole = self.render(messages[: last + 1])
        found = []
        for place, message in enumerate(messages[: last + 1]):
            if message["role"] != "assistant":
                continue
            before, after = self.render(messages[:place], ask=True), self.render(messages[: place + 1])
            if not whole.startswith(after) or not after.startswith(before):
                raise UsageError(
                    "the chat template writes a turn another way when others follow it, so answers cannot be "
                    "told apart", got=after[-80:],
                    mend="Give conversations of one answer each, or a model with a plainer template.",
                )  # fmt: skip
            found.append((len(before), len(after.rstrip())))
        return whole, found

    def encode(self, messages: Sequence[dict[str, str]]) -> tuple[list[int], list[bool]]:
        """Token ids of the conversation up to its last answer, and which of them belong to an answer."""
        text, spans = self.spans(messages)
        found = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids: list[int] = list(found["input_ids"])
        learnt = [
            any(first < end and start < last for start, end in spans) and last > first
            for first, last in found["offset_mapping"]
        ]
        return ids, learnt

    def save(self, folder: Path) -> None:
        """Write the template as transformers reads it."""
        write_text(folder / TEMPLATE_FILE, self.text)
