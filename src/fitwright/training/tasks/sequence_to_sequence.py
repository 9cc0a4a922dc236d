"""Sequence to sequence: of a text another one is made, such as a translation or a summary.

Legend of shape suffixes: B rows, T target tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.kinds.source_targets import SourceTargets, load_source_targets
from fitwright.metrics.generation import generation_scores
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.pretrained import load_pretrained, save_pretrained
from fitwright.modeling.warm_start import copy_decoder_tokenizer, decoder_tokenizer, pair_limit
from fitwright.training.batches import Batch, Rows
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.next_token import mean_token_loss, target_loss
from fitwright.training.tasks.source_target_rows import SourceTargetRows
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import fast_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 32
MOST_WRITTEN = 128
"""Tokens that are written of a text in evaluation, at most."""


@dataclass(frozen=True, kw_only=True)
class SequenceToSequence:
    """The task.

    Attributes:
        prefix: put before every source, as T5 wants it: ``summarize: ``.
        written: rows of the validation part that are written out (greedily) for ROUGE-L and chrF; 0 for none.
    """

    name: ClassVar[str] = "sequence-to-sequence"
    metric: ClassVar[Metric] = Metric(name="loss", higher_is_better=False, share=False)
    prefix: str = ""
    written: int = 32

    def __post_init__(self) -> None:
        if self.written < 0:
            raise UsageError("written must be 0 or more", got=self.written)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_source_targets(path, columns=columns)
        return split_data(dataset, source, settings)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        return load_pretrained("AutoModelForSeq2SeqLM", source, "an encoder and decoder")

    def encode(self, rows: SourceTargets, source: Path, work: Path, max_length: int) -> Rows:
        config = read_json(source / "config.json", what="config.json")
        max_length = pair_limit(config, max_length)
        reader = fast_tokenizer(source, work, max_length)
        writer = fast_tokenizer(decoder_tokenizer(source), work / "decoder", max_length)
        start, end = specials(config)
        targets = [ended(ids, start, end, max_length) for ids in writer.encode(list(rows.targets))]
        return SourceTargetRows(
            sources=reader.encode([self.prefix + text for text in rows.sources]), targets=targets,
            texts=rows.targets, writer=writer, pad_id=reader.pad_id, start_id=start, limit=max_length,
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the target tokens, in nats."""
        return target_loss(model, batch) / batch.step.targets

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """Loss in nats a target token; ROUGE-L and chrF of texts written greedily. fp32."""
        import torch

        found = {"loss": mean_token_loss(model, rows, device, EVALUATION_BATCH)}
        if self.written and isinstance(rows, SourceTargetRows):
            chosen = list(range(min(self.written, len(rows))))
            with torch.inference_mode():
                texts = write(model, rows, chosen, device)
            found |= asdict(generation_scores([rows.texts[row] for row in chosen], texts))
        return found

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_pretrained(model, folder)
        copy_tokenizer(source, folder)
        copy_decoder_tokenizer(source, folder)

    def usage(self) -> str:
        return (
            "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
            'model = AutoModelForSeq2SeqLM.from_pretrained(".")\n'
            'tokenizer = AutoTokenizer.from_pretrained(".")\n'
            f'inputs = tokenizer("{self.prefix}a text", return_tensors="pt")\n'
            "answer = model.generate(inputs.input_ids, attention_mask=inputs.attention_mask)\n"
            "print(tokenizer.batch_decode(answer, skip_special_tokens=True))"
        )


def specials(config: Mapping[str, Any]) -> tuple[int, int | None]:
    """What a decoder begins with and what ends a text, as its config says.

    Raises:
        UsageError: the config does not say what it begins with.
    """
    inner = config.get("decoder") or {}

    def find(*keys: str) -> int | None:
        values = [part.get(key) for key in keys for part in (config, inner)]
        return next((value for value in values if isinstance(value, int)), None)

    start = find("decoder_start_token_id", "bos_token_id", "pad_token_id")
    if start is None:
        raise UsageError(
            "the config does not say what the decoder begins with", got="no decoder_start_token_id",
            mend="Set decoder_start_token_id in config.json.",
        )  # fmt: skip
    return start, find("eos_token_id")


def ended(ids: Sequence[int], start: int, end: int | None, limit: int) -> list[int]:
    """A target without what the decoder begins with anyway, cut to the limit, and with its end."""
    ids = list(ids[1:] if len(ids) > 1 and ids[0] == start else ids)[:limit]
    if end is None or (ids and ids[-1] == end):
        return ids or [start]
    return [*ids[: limit - 1], end]


def write(model: Any, rows: SourceTargetRows, chosen: Sequence[int], device: torch.device) -> list[str]:
    """What the model writes of those rows, greedily, at most as long as the longest of their targets."""
    longest = min(MOST_WRITTEN, max(len(rows.targets[row]) for row in chosen))
    texts: list[str] = []
    for start in range(0, len(chosen), EVALUATION_BATCH):
        batch = rows.batch(chosen[start : start + EVALUATION_BATCH], device)
        written = model.generate(
            batch.inputs["input_ids"], attention_mask=batch.inputs["attention_mask"], do_sample=False,
            num_beams=1, max_new_tokens=longest, decoder_start_token_id=rows.start_id,
        )  # fmt: skip
        texts += rows.writer.decode(written[:, 1:].tolist())
    return texts
