"""Embeddings of texts: what belongs together comes to lie together, and what does not, apart.

Legend of shape suffixes: B rows, K texts of a row (anchor, positive, negatives), D width, C candidates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fitwright.core.errors import UsageError
from fitwright.data.kinds.embedding_pairs import EmbeddingPairs, load_embedding_pairs
from fitwright.metrics.regression import spearman
from fitwright.modeling.embedder import POOLINGS, load_embedder, pooled, save_embedder
from fitwright.training.batches import Batch, Rows
from fitwright.training.contrast import contrast, found, number_of
from fitwright.training.coupled import embedded
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import fast_tokenizer
from fitwright.training.tasks.text_groups import TextGroups

if TYPE_CHECKING:
    import torch
    from torch import nn

SPEARMAN = Metric(name="spearman", share=False)
"""Chooses the epoch of scored pairs: the rank correlation of cosines and scores."""


@dataclass(frozen=True, kw_only=True)
class SentenceSimilarity:
    """The task: find the positive among all texts of the step (pairs, triplets); or the cosine is the score.

    Attributes:
        temperature: of the search; cosines are divided by it.
        pooling: ``mean``, ``cls`` or ``auto``, what the model's folder says.
    """

    name: ClassVar[str] = "sentence-similarity"
    metric: ClassVar[Metric] = Metric(name="accuracy")
    temperature: float = 0.05
    pooling: str = "auto"

    def __post_init__(self) -> None:
        if self.pooling not in ("auto", *POOLINGS):
            raise UsageError("unknown pooling", got=self.pooling, allowed=", ".join(("auto", *POOLINGS)))
        if not self.temperature > 0:
            raise UsageError("the temperature must be above 0", got=self.temperature)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_embedding_pairs(path, columns=columns)
        dataset, lines = prepared(dataset)
        metric = SPEARMAN if dataset.scores is not None else None
        return split_data(dataset, source, settings, metric=metric, more=lines)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:  # noqa: ARG002
        return load_embedder(source, self.pooling)

    def encode(self, rows: EmbeddingPairs, source: Path, work: Path, max_length: int) -> Rows:
        tokenizer = fast_tokenizer(source, work, max_length)
        groups = texts_of(rows)
        texts = list(dict.fromkeys(text for group in groups for text in group))
        ids = dict(zip(texts, tokenizer.encode(texts), strict=True))
        same = [[number_of(text) for text in group] for group in groups]
        return TextGroups(
            groups=[[ids[text] for text in group] for group in groups],
            labels=same if rows.scores is None else list(rows.scores), pad_id=tokenizer.pad_id,
            limit=tokenizer.max_length,
        )  # fmt: skip

    def embed(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Embeddings of length 1 of each row's texts (B, K, D)."""
        flat = pooled(model, dict(batch.inputs))
        return flat.view(batch.counts.rows, -1, flat.shape[-1])

    def loss_of_embeddings(
        self,
        model: nn.Module,  # noqa: ARG002
        embeddings: torch.Tensor,
        labels: torch.Tensor,
    ) -> torch.Tensor:
        """InfoNCE over all positives and negatives of the step; of scores the cosine's mean squared error."""
        if labels.is_floating_point():
            cosines_B = (embeddings[:, 0] * embeddings[:, 1]).sum(-1)
            return (cosines_B - labels).square().mean()
        own_B, hidden_BC = own_and_hidden(labels)
        candidates_CD = embeddings[:, 1:].flatten(0, 1)
        return contrast(embeddings[:, 0], candidates_CD, own_B, 1 / self.temperature, hidden_BC)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        return self.loss_of_embeddings(model, self.embed(model, batch), batch.labels)

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """The loss among 64 rows at a time; accuracy among all texts of the part, or Spearman's ρ. fp32."""
        loss, embeddings_BKD, labels = embedded(self, model, rows, device)
        return {"loss": loss, self._metric_of(labels).name: self._score(embeddings_BKD, labels)}

    def _metric_of(self, labels: torch.Tensor) -> Metric:
        return SPEARMAN if labels.is_floating_point() else self.metric

    def _score(self, embeddings_BKD: torch.Tensor, labels: torch.Tensor) -> float:
        if labels.is_floating_point():
            cosines_B = (embeddings_BKD[:, 0] * embeddings_BKD[:, 1]).sum(-1)
            rho = spearman(cosines_B.cpu().numpy(), labels.cpu().numpy())
            return rho if math.isfinite(rho) else 0.0  # a model that says one thing of all pairs
        candidates_CD, names_C1 = embeddings_BKD[:, 1:].flatten(0, 1), labels[:, 1:].reshape(-1, 1)
        return found(embeddings_BKD[:, 0], candidates_CD, labels[:, 1:2], names_C1) / len(labels)

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_embedder(model, source, folder)

    def usage(self) -> str:
        return (
            "from sentence_transformers import SentenceTransformer\n\n"
            'model = SentenceTransformer(".")\n'
            'vectors = model.encode(["one text", "another"])\n'
            "print(model.similarity(vectors, vectors))"
        )


def prepared(dataset: EmbeddingPairs) -> tuple[EmbeddingPairs, tuple[str, ...]]:
    """The rows as they are trained on, and what to tell: scores within a cosine's range, equal groups."""
    if dataset.scores is not None:
        low, high = min(dataset.scores), max(dataset.scores)
        if low >= -1 and high <= 1:
            return dataset, ()
        scaled = tuple((score - low) / (high - low) for score in dataset.scores)
        return replace(dataset, scores=scaled), (f"scores {low:g} to {high:g} are learnt as 0 to 1",)
    if dataset.negatives is None:
        return dataset, ()
    fewest, most = min(map(len, dataset.negatives)), max(map(len, dataset.negatives))
    told = f"negatives: {fewest} a row" + (", as many as every row has" if most > fewest else "")
    return replace(dataset, negatives=tuple(row[:fewest] for row in dataset.negatives)), (told,)


def texts_of(rows: EmbeddingPairs) -> list[tuple[str, ...]]:
    """Anchor, positive and negatives of each row."""
    more = rows.negatives or ((),) * len(rows)
    pairs = zip(rows.anchors, rows.positives, more, strict=True)
    return [(anchor, positive, *negatives) for anchor, positive, negatives in pairs]


def own_and_hidden(names_BK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which candidate is each row's own (B), and which are hidden from it (B, C): further copies of its
    positive, and copies of the anchor itself; C counts the texts behind the anchor, row after row.
    """
    import torch

    rows, texts = names_BK.shape
    own_B = torch.arange(rows, device=names_BK.device) * (texts - 1)
    names_C = names_BK[:, 1:].flatten()
    hidden_BC = (names_C == names_BK[:, 1:2]) | (names_C == names_BK[:, :1])
    hidden_BC[torch.arange(rows, device=names_BK.device), own_B] = False
    return own_B, hidden_BC
