"""Causal and masked language modelling on plain text, from weights or from scratch.

Legend of shape suffixes: B blocks of a batch, T tokens of a block, P places that have a label, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.data.corpus import CorpusSource, document_place, read_corpus
from fitwright.data.token_blocks import blocks_of, stream_of
from fitwright.modeling.classifier import save_classifier
from fitwright.modeling.language_model import load_language_model
from fitwright.training.batches import Batch, Rows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.blocks import CausalBlocks, MaskedBlocks, Masking
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.next_token import IGNORED, perplexity, target_loss, target_scores, token_loss
from fitwright.training.tasks.recall import can_recall, recalled_passages
from fitwright.training.tasks.vocabulary import Specials, raw_tokenizer, specials_of

if TYPE_CHECKING:
    import torch
    from torch import nn

_SCORES = 2**25
"""Most scores (blocks × tokens × vocabulary) of an evaluation batch: 128 MiB in fp32."""
_MOST_BLOCKS = 64


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Texts of one part of a corpus, and the seed that what is drawn at random goes by."""

    texts: tuple[str, ...]
    seed: int

    def __len__(self) -> int:
        return len(self.texts)


class _LanguageModeling:
    """What both tasks share; no task by itself."""

    metric: ClassVar[Metric] = Metric(name="loss", higher_is_better=False, share=False)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        """A text file, a folder of them or a table; documents that repeat one are dropped."""
        held_out = settings.validation + settings.test
        corpus = read_corpus(path, text=columns.get("text"), held_out=held_out, seed=settings.seed)
        places = [document_place(text, seed=settings.seed) for text in corpus.held_out]
        first = sum(place < settings.test for place in places)
        source, seed = corpus.source, settings.seed
        parts = (corpus.training, corpus.held_out[first:], corpus.held_out[:first])
        train, validation, test = (Documents(texts=texts, seed=seed) for texts in parts)
        return TaskData(
            train=train, validation=validation, test=test, source=source,
            columns={} if source.column is None else {"text": source.column},
            lines=_lines(source, len(train), len(validation), len(test)),
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the targets, in nats a token."""
        return target_loss(model, batch) / batch.step.targets

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """What :func:`measure` finds; of rows with ``seen`` ones the same of these, as ``seen_…``."""
        model.eval()
        found = measure(model, rows, device)
        seen = getattr(rows, "seen", None)
        if seen is not None:
            found |= {f"seen_{name}": value for name, value in measure(model, seen, device).items()}
        return found

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_classifier(model, source, folder)


@dataclass(frozen=True, kw_only=True)
class CausalLanguageModeling(_LanguageModeling):
    """Each token from those before it."""

    name: ClassVar[str] = "causal-language-modeling"

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        return load_language_model(source, "causal")

    def encode(self, rows: Documents | CausalBlocks, source: Path, work: Path, max_length: int) -> Rows:
        if isinstance(rows, CausalBlocks):
            return rows
        tokenizer = raw_tokenizer(source, work)
        stream_S = stream_of(rows.texts, tokenizer, end=specials_of(source, tokenizer).end)
        return CausalBlocks(blocks=blocks_of(stream_S, max_length, overlap=1))

    def usage(self) -> str:
        return 'from transformers import pipeline\n\nwrite = pipeline("text-generation", model=".")'


@dataclass(frozen=True, kw_only=True)
class MaskedLanguageModeling(_LanguageModeling):
    """Some tokens are hidden and told from those around them.

    Attributes:
        mask_share: of each block's places that are hidden.
    """

    name: ClassVar[str] = "masked-language-modeling"
    mask_share: float = 0.15

    def __post_init__(self) -> None:
        if not 0 < self.mask_share < 1:
            raise UsageError("mask_share is out of range", got=self.mask_share, allowed="above 0, below 1")

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        return load_language_model(source, "masked")

    def encode(self, rows: Documents | MaskedBlocks, source: Path, work: Path, max_length: int) -> Rows:
        if isinstance(rows, MaskedBlocks):
            return rows
        tokenizer = raw_tokenizer(source, work)
        specials = specials_of(source, tokenizer)
        if specials.mask is None:
            raise UsageError("the tokenizer has no mask token", got=str(source),
                             mend="Use causal-language-modeling for this model.")  # fmt: skip
        stream_S = stream_of(rows.texts, tokenizer, end=specials.end)
        return masked_blocks(stream_S, max_length, specials, self.mask_share, rows.seed)

    def usage(self) -> str:
        return 'from transformers import pipeline\n\nfill = pipeline("fill-mask", model=".")'


def measure(model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
    """Over those rows in fp32: ``loss`` (nats a target), ``perplexity``, ``accuracy`` of the likeliest token,
    and of causal blocks long enough for it ``recall`` (:mod:`fitwright.training.tasks.recall`)."""
    import torch

    loss_sum, right, targets = 0.0, 0, 0
    recalled: list[torch.Tensor] = []
    with torch.inference_mode():
        for _, batch in sorted_batches(rows, evaluation_blocks(model, rows), device):
            scores_PV, labels_P = target_scores(model, batch)
            loss_sum += float(token_loss(scores_PV, labels_P))
            hit_BT = torch.zeros_like(batch.labels, dtype=torch.bool)
            hit_BT[batch.labels != IGNORED] = scores_PV.argmax(-1) == labels_P
            right += int(hit_BT.sum())
            targets += batch.counts.targets
            if isinstance(rows, CausalBlocks) and can_recall(hit_BT.shape[1]):
                recalled.append(recalled_passages(hit_BT).flatten())
    mean = loss_sum / targets
    found = {"loss": mean, "perplexity": perplexity(mean), "accuracy": right / targets}
    if recalled:
        found["recall"] = float(torch.cat(recalled).float().mean())
    return found


def masked_blocks(stream_S: Any, length: int, specials: Specials, share: float, seed: int) -> MaskedBlocks:
    """Blocks of ``length`` tokens, special ones included, some of which will be hidden."""
    masking = Masking(share=share, mask_id=specials.mask or 0, vocabulary=specials.vocabulary, seed=seed)
    text = length - len(specials.before) - len(specials.after)
    if text < 2:
        raise UsageError("max-length leaves no room for text", got=length)
    return MaskedBlocks(
        blocks=blocks_of(stream_S, text), before=specials.before, after=specials.after, masking=masking
    )


def evaluation_blocks(model: nn.Module, rows: Rows) -> int:
    """Blocks of an evaluation batch, so that its scores stay small whatever the vocabulary."""
    config: Any = model.config
    return max(1, min(_MOST_BLOCKS, _SCORES // max(1, rows.lengths[0] * config.vocab_size)))


def _lines(source: CorpusSource, train: int, validation: int, test: int) -> tuple[str, ...]:
    require("tokenizers")
    told = (
        f"{source.rows:,} documents, {source.characters:,} characters; {train:,} to train, {validation:,} to "
        f"validate, {test:,} to test"
    )
    left = f"left out: {source.duplicates:,} that repeat another, {source.empty:,} empty"
    return (told, left) if source.duplicates or source.empty else (told,)
