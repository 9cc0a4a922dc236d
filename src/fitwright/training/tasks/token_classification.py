"""Token classification: a tag for each word of a sentence, such as named entities and parts of speech.

A word is tagged at its first token; the loss is the mean over words. Nothing is cut: a long sentence is read
in windows, and each word counts in the one window in which it has most around it.

Legend of shape suffixes: B rows of a batch, T tokens, C tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.data.kinds.tag_scheme import scheme_of
from fitwright.data.kinds.token_tags import TaggedTokens, load_token_tags
from fitwright.metrics.entities import entity_scores
from fitwright.modeling.classifier import save_classifier
from fitwright.modeling.pretrained import load_pretrained, named_outputs
from fitwright.training.batches import Batch, EncodedRows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.next_token import IGNORED, token_loss
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import EVALUATION_BATCH, fast_tokenizer
from fitwright.training.windows import RowsOf, windows_of

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class TaggedWindow:
    """A window of a sentence: which words it is asked about, where they begin in it, and their tags."""

    sentence: int
    words: tuple[int, ...]
    places: tuple[int, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TokenClassification:
    """The task.

    Attributes:
        stride: tokens that the windows of a sentence longer than ``max_length`` share.
    """

    stride: int = 0
    name: ClassVar[str] = "token-classification"
    metric: ClassVar[Metric] = Metric(name="f1")

    def __post_init__(self) -> None:
        if self.stride < 0:
            raise UsageError("stride must be at least 0", got=self.stride)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        """The metric is the F1 of entities, or the accuracy of tags that are no parts of entities."""
        dataset, source = load_token_tags(path, columns=_numbered(columns))
        plain = scheme_of(dataset.names) == "plain"
        data = split_data(
            dataset, source, settings, labels=dataset.names, metric=Metric(name="accuracy") if plain else None
        )
        return replace(data, columns={**source.columns, **columns})

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        return load_pretrained(
            "AutoModelForTokenClassification",
            source,
            "a tagger of tokens",
            new_head=True,
            **named_outputs(data.labels),
        )

    def encode(self, rows: TaggedTokens, source: Path, work: Path, max_length: int) -> RowsOf[TaggedTokens]:
        tokenizer = fast_tokenizer(source, work, max_length)
        ids: list[list[int]] = []
        windows: list[TaggedWindow] = []
        encodings = tokenizer.encodings(rows.tokens, cut=False, words=True)
        for sentence, encoding in enumerate(encodings):
            cut = windows_of(encoding, max_length, self.stride)
            asked = words_of_windows(encoding.word_ids, cut)
            for places, words in zip(cut, asked, strict=True):
                ids.append([encoding.ids[place] for place in places])
                tags = tuple(rows.tags[sentence][word] for word in words)
                windows.append(TaggedWindow(sentence, tuple(words), tuple(words.values()), tags))
        lines = EncodedRows(
            token_ids=ids, labels=windows, pad_id=tokenizer.pad_id, limit=max_length, collate=tag_labels,
            targets=[len(window.words) for window in windows],
        )  # fmt: skip
        return RowsOf(lines=lines, origin=rows)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over words, in nats."""
        return token_loss(_logits(model, batch), batch.labels) / max(1, batch.step.targets)

    def evaluate(self, model: nn.Module, rows: Any, device: torch.device) -> dict[str, float]:
        """Mean cross-entropy (nats), accuracy of tags, and where tags form entities their scores; fp32.

        A word that the tokenizer makes no token of counts as tagged ``O``.
        """
        import torch

        model.eval()
        windows: RowsOf[TaggedTokens] = rows
        names, origin = windows.origin.names, windows.origin
        nothing = "O" if "O" in names else names[0]
        predicted = [[nothing] * len(tokens) for tokens in origin.tokens]
        loss_sum = 0.0
        with torch.inference_mode():
            for chosen, batch in sorted_batches(windows, EVALUATION_BATCH, device):
                logits_BTC = _logits(model, batch)
                loss_sum += float(token_loss(logits_BTC, batch.labels))
                for row, tags_T in zip(chosen, logits_BTC.argmax(-1).tolist(), strict=True):
                    window: TaggedWindow = windows.lines.labels[row]
                    for word, place in zip(window.words, window.places, strict=True):
                        predicted[window.sentence][word] = names[tags_T[place]]
        scores = entity_scores(origin.tag_names(), predicted)
        found = {
            "loss": loss_sum / max(1, windows.counts(range(len(windows))).targets),
            "accuracy": scores.token_accuracy,
        }
        if scheme_of(names) != "plain":
            found |= {"f1": scores.f1, "precision": scores.precision, "recall": scores.recall}
        return found

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_classifier(model, source, folder)

    def usage(self) -> str:
        return (
            "from transformers import pipeline\n\n"
            'tag = pipeline("token-classification", model=".", aggregation_strategy="first")'
        )


def words_of_windows(
    word_ids: Sequence[int | None], windows: Sequence[Sequence[int]]
) -> list[dict[int, int]]:
    """For each window the words that it is asked about, with their places in it.

    Every word that has a token is asked about in one window: of those that hold its first token, that in
    which it has most tokens on its shorter side.

    Args:
        word_ids: of each token of the uncut sentence, ``None`` for special ones.
        windows: the places in that sentence of each window's tokens.
    """
    best: dict[int, tuple[int, int, int]] = {}
    for at, places in enumerate(windows):
        inner = [i for i, place in enumerate(places) if word_ids[place] is not None]
        for i in inner:
            place = places[i]
            word = word_ids[place]
            if word is None or (place > 0 and word_ids[place - 1] == word):
                continue
            around = min(i - inner[0], inner[-1] - i)
            if word not in best or around > best[word][0]:
                best[word] = (around, at, i)
    found: list[dict[int, int]] = [{} for _ in windows]
    for word, (_, at, i) in sorted(best.items()):
        found[at][word] = i
    return found


def tag_labels(windows: Sequence[TaggedWindow], width: int) -> torch.Tensor:
    """The tags of B windows at the places of their words: int64 (B, T), the rest :data:`IGNORED`."""
    import torch

    labels_BT = torch.full((len(windows), width), IGNORED)
    for row, window in enumerate(windows):
        labels_BT[row, list(window.places)] = torch.tensor(window.tags, dtype=torch.long)
    return labels_BT


def _logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    logits_BTC: torch.Tensor = model(**batch.inputs).logits.float()
    return logits_BTC


def _numbered(columns: Mapping[str, str]) -> dict[str, str]:
    """Without what a record says of a CoNLL file's first and last column: they are called as their roles."""
    return {role: name for role, name in columns.items() if name != role}
