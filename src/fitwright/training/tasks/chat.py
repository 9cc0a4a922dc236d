"""Chat: a causal language model learns the assistant's answers, and nothing else, of conversations.

Legend of shape suffixes: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import DataError, UsageError
from fitwright.data.kinds.conversations import Conversations, load_conversations
from fitwright.modeling.chat_template import ChatTemplate
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.language_model import load_language_model
from fitwright.modeling.pretrained import save_pretrained
from fitwright.training.batches import Batch, EncodedRows, Rows
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.next_token import (
    IGNORED,
    mean_token_loss,
    perplexity,
    target_loss,
    token_labels,
)
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import fast_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 8
LONG = ("cut", "drop")


@dataclass(frozen=True, kw_only=True)
class Chat:
    """The task.

    Attributes:
        long: conversations of more tokens than the limit: ``cut`` on the left, or ``drop``.
    """

    name: ClassVar[str] = "chat"
    metric: ClassVar[Metric] = Metric(name="loss", higher_is_better=False, share=False)
    long: str = "cut"

    def __post_init__(self) -> None:
        if self.long not in LONG:
            raise UsageError("unknown way with long conversations", got=self.long, allowed=", ".join(LONG))

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_conversations(path, columns=columns)
        return split_data(dataset, source, settings)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        return load_language_model(source, "causal")

    def encode(self, rows: Conversations, source: Path, work: Path, max_length: int) -> Rows:
        tokenizer, template = fast_tokenizer(source, work, max_length), ChatTemplate(source)
        found = [template.encode([asdict(message) for message in row]) for row in rows.messages]
        long = sum(len(ids) - 1 > max_length for ids, _ in found)
        if self.long == "drop":
            found = [(ids, learnt) for ids, learnt in found if len(ids) - 1 <= max_length]
        placed = [next_tokens(ids, learnt, max_length) for ids, learnt in found]
        placed = [(ids, labels) for ids, labels in placed if ids and any(x != IGNORED for x in labels)]
        if not placed:
            raise DataError(
                "no conversation is left to learn from", got=f"{long:,} of {len(rows):,} are too long",
                allowed=f"{max_length} tokens", mend="Raise --max-length, or take --option long=cut.",
            )  # fmt: skip
        return EncodedRows(
            token_ids=[ids for ids, _ in placed], labels=[labels for _, labels in placed],
            pad_id=tokenizer.pad_id, limit=max_length, collate=token_labels,
            targets=[sum(label != IGNORED for label in labels) for _, labels in placed],
            notes=self._notes(template, long, len(rows)),
        )  # fmt: skip

    def _notes(self, template: ChatTemplate, long: int, rows: int) -> tuple[str, ...]:
        told = []
        if not template.own:
            told.append("chat template: the tokenizer has none, so ChatML is used, and saved with the model")
        if long:
            done = "cut on the left" if self.long == "cut" else "left out"
            told.append(f"{long:,} of {rows:,} conversations are longer than the limit and were {done}")
        return tuple(told)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the tokens of answers, in nats."""
        return target_loss(model, batch) / batch.step.targets

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """Loss in nats a token of an answer, and its exponential, the perplexity; fp32."""
        loss = mean_token_loss(model, rows, device, EVALUATION_BATCH)
        return {"loss": loss, "perplexity": perplexity(loss)}

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        loose: Any = model
        loose.config.use_cache = True
        save_pretrained(model, folder)
        copy_tokenizer(source, folder)
        ChatTemplate(source).save(folder)

    def usage(self) -> str:
        return (
            "from transformers import pipeline\n\n"
            'chat = pipeline("text-generation", model=".")\n'
            'print(chat([{"role": "user", "content": "..."}])[0]["generated_text"][-1]["content"])'
        )


def next_tokens(ids: Sequence[int], learnt: Sequence[bool], limit: int) -> tuple[list[int], list[int]]:
    """The last ``limit`` places of a text but for its last token, and what comes next at each of them.

    Returns:
        Token ids, and as many labels: the next token where it is to be learnt, else :data:`IGNORED`.
    """
    labels = [after if wanted else IGNORED for after, wanted in zip(ids[1:], learnt[1:], strict=True)]
    return list(ids[:-1])[-limit:], labels[-limit:]
