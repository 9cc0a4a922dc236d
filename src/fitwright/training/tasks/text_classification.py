"""Sequence classification: a text, or a pair of texts; one of several classes, or any number of them.

Legend of shape suffixes: B rows of a batch, L lines of its inputs, C classes, N rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.data.class_weights import balanced_weights
from fitwright.data.dataset import DataSource, LabelledText, load_labelled
from fitwright.data.kind_profile import profile_of
from fitwright.data.kinds.multilabel import load_multilabel
from fitwright.data.splitting import Splits, split
from fitwright.metrics.multilabel import multilabel_scores
from fitwright.modeling.classifier import load_classifier, save_classifier
from fitwright.training.batches import Batch, Rows, class_labels
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import (
    answers,
    encode_texts,
    fast_tokenizer,
    line_logits,
    mean_loss,
    reads_types,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True, kw_only=True)
class TextClassification:
    """The task.

    Attributes:
        multi_label: a row may have any number of classes, none too: a decision for each.
        class_weights: ``balanced`` weighs each row by the rarity of its class in the training part.
        stride: above 0, a text longer than ``max_length`` is read in windows that share so many tokens.
    """

    multi_label: bool = False
    class_weights: str = "none"
    stride: int = 0
    name: ClassVar[str] = "text-classification"

    def __post_init__(self) -> None:
        if self.class_weights not in CLASS_WEIGHTS:
            raise UsageError(
                "unknown class_weights", got=self.class_weights, allowed=", ".join(CLASS_WEIGHTS)
            )
        if self.multi_label and self.class_weights != "none":
            raise UsageError("class_weights are for one class a row, not for multi_label")
        if self.stride < 0:
            raise UsageError("stride must be at least 0", got=self.stride)

    @property
    def metric(self) -> Metric:
        return Metric(name="micro_f1" if self.multi_label else "accuracy")

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        if self.multi_label:
            return _read_multilabel(path, columns, settings)
        unknown = sorted(set(columns) - {"text", "label", "pair"})
        if unknown:
            raise UsageError(
                "this task has no such role for a column", got=", ".join(unknown), allowed="text, label, pair"
            )
        dataset, source = load_labelled(
            path, text=columns.get("text"), label=columns.get("label"), pair=columns.get("pair")
        )
        parts = split(dataset, validation=settings.validation, test=settings.test, seed=settings.seed)
        return task_data(source, parts, tuple(profile_of(dataset, parts).lines()))

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        problem = "multi_label_classification" if self.multi_label else "single_label_classification"
        return load_classifier(source, data.labels, problem)

    def encode(self, rows: Any, source: Path, work: Path, max_length: int) -> Rows:
        labels: Sequence[Any] = rows.label_sets if self.multi_label else rows.labels
        return encode_texts(
            fast_tokenizer(source, work, max_length), rows.texts, labels, pairs=rows.pairs,
            types=rows.pairs is not None and reads_types(source), stride=self.stride,
            collate=partial(decisions, classes=len(rows.names)) if self.multi_label else class_labels,
            weights=balanced(rows) if self.class_weights == "balanced" else None,
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over rows, in nats; of several labels the mean over the classes' decisions."""
        return mean_loss(line_logits(model, batch), batch, self._losses)

    def _losses(self, logits_LC: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        if self.multi_label:
            return binary_cross_entropy_with_logits(logits_LC, labels, reduction="none").mean(-1)
        return cross_entropy(logits_LC, labels, reduction="none")

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """Mean cross-entropy (nats, no class weights) with accuracy, or the scores of several labels."""
        import torch

        found = list(answers(model, rows, device))
        logits_NC, labels_N = (torch.cat(values) for values in zip(*found, strict=True))
        loss = float(self._losses(logits_NC, labels_N).mean())
        if not self.multi_label:
            return {"loss": loss, "accuracy": float((logits_NC.argmax(-1) == labels_N).double().mean())}
        scores = multilabel_scores(labels_N.long().cpu().numpy(), (logits_NC > 0).long().cpu().numpy())
        return {"loss": loss, **asdict(scores)}

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_classifier(model, source, folder)

    def usage(self) -> str:
        every = ", top_k=None" if self.multi_label else ""
        call = f'classify = pipeline("text-classification", model="."{every})'
        return f"from transformers import pipeline\n\n{call}"


def task_data(source: DataSource, parts: Splits[LabelledText], lines: tuple[str, ...] = ()) -> TaskData:
    """Labelled text that is read and split already."""
    columns = {role: name for role, name in asdict(source.columns).items() if name is not None}
    return TaskData(
        train=parts.train, validation=parts.validation, test=parts.test, source=source,
        columns=columns, lines=lines, labels=parts.train.names,
    )  # fmt: skip


def _read_multilabel(path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
    """``labels`` names the column of the classes, or several columns of 0 and 1 with commas between them."""
    flags = tuple(name.strip() for name in columns.get("labels", "").split(","))
    several = len(flags) > 1
    dataset, source = load_multilabel(
        path, columns={k: v for k, v in columns.items() if not (several and k == "labels")},
        label_columns=flags if several else (),
    )  # fmt: skip
    return split_data(dataset, source, settings, labels=dataset.names)


def decisions(label_sets: Sequence[Sequence[int]], _width: int, *, classes: int) -> torch.Tensor:
    """The classes of B rows as decisions: float32 (B, C), 0 or 1."""
    import torch

    chosen_BC = torch.zeros(len(label_sets), classes)
    for row, labels in enumerate(label_sets):
        chosen_BC[row, list(labels)] = 1.0
    return chosen_BC


def balanced(rows: LabelledText) -> list[float]:
    """The weight of each row, by how rare its class is; their mean is 1."""
    counts = Counter(rows.labels)
    weights = balanced_weights([counts[label] for label in range(len(rows.names))])
    return [weights[label] for label in rows.labels]
