"""Regression: a number for a text, or for a pair of texts.

The model learns the numbers in units of their own spread, so that the learning rate means the same for stars
from 1 to 5 and for prices in thousands. What is saved speaks in the numbers of the data: mean and spread are
put into the last layer's weights.

Legend of shape suffixes: B rows of a batch, L lines of its inputs, N rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.data.kinds.scored_text import ScoredText, load_scored_text
from fitwright.metrics.regression import regression_scores
from fitwright.modeling.classifier import load_classifier, save_classifier
from fitwright.training.batches import Batch, Rows
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

_SCALE = "fitwright_score_scale"
"""Entry of the config during training: mean and standard deviation of the training part's numbers."""


class Scale(NamedTuple):
    """Mean and standard deviation of the numbers."""

    mean: float
    spread: float

    def put_in(self, layer: nn.Linear) -> None:
        """Have the layer that gives numbers in units of the spread give them as they are."""
        import torch

        with torch.no_grad():
            layer.weight.mul_(self.spread)
            if layer.bias is not None:
                layer.bias.mul_(self.spread).add_(self.mean)

    def take_out(self, layer: nn.Linear) -> None:
        """The reverse of :meth:`put_in`."""
        import torch

        with torch.no_grad():
            layer.weight.div_(self.spread)
            if layer.bias is not None:
                layer.bias.sub_(self.mean).div_(self.spread)


@dataclass(frozen=True, kw_only=True)
class TextRegression:
    """The task.

    Attributes:
        stride: above 0, a text longer than ``max_length`` is read in windows that share so many tokens.
    """

    stride: int = 0
    name: ClassVar[str] = "text-regression"
    metric: ClassVar[Metric] = Metric(name="spearman", share=False)

    def __post_init__(self) -> None:
        if self.stride < 0:
            raise UsageError("stride must be at least 0", got=self.stride)

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_scored_text(path, columns=columns)
        return split_data(dataset, source, settings, labels=("score",))

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        model: Any = load_classifier(source, data.labels, "regression")
        scores = np.array(data.train.scores)
        last = _last_layer(model)
        scale = Scale(0.0 if last.bias is None else float(scores.mean()), float(scores.std()) or 1.0)
        if read_json(source / "config.json", what="config.json").get("problem_type") == "regression":
            scale.take_out(last)  # its head already speaks in numbers like these
        setattr(model.config, _SCALE, list(scale))
        return model

    def encode(self, rows: ScoredText, source: Path, work: Path, max_length: int) -> Rows:
        return encode_texts(
            fast_tokenizer(source, work, max_length), rows.texts, rows.scores, pairs=rows.pairs,
            types=rows.pairs is not None and reads_types(source), stride=self.stride, collate=numbers,
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean squared error over rows, in units of the training part's variance."""
        mean, spread = _scale(model)

        def losses(logits_L1: torch.Tensor, scores_L: torch.Tensor) -> torch.Tensor:
            return (logits_L1[:, 0] - (scores_L - mean) / spread) ** 2

        return mean_loss(line_logits(model, batch), batch, losses)

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """Errors in the unit of the numbers, and correlations; one that is not defined counts as 0.

        ``loss`` is the mean squared error in units of the training part's variance.
        """
        import torch

        mean, spread = _scale(model)
        found = list(answers(model, rows, device))
        logits_N1, scores_N = (torch.cat(values) for values in zip(*found, strict=True))
        predicted_N = logits_N1[:, 0].double().cpu().numpy() * spread + mean
        scores = asdict(regression_scores(scores_N.double().cpu().numpy(), predicted_N))
        return {
            "loss": scores["mse"] / spread**2,
            **{name: 0.0 if math.isnan(value) else value for name, value in scores.items()},
        }

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        """Mean and spread go into the last layer first."""
        _scale(model).put_in(_last_layer(model))
        delattr(model.config, _SCALE)
        save_classifier(model, source, folder)

    def usage(self) -> str:
        return (
            'from transformers import pipeline\n\nscore = pipeline("text-classification", model=".", '
            'function_to_apply="none")'
        )


def numbers(scores: Sequence[float], _width: int) -> torch.Tensor:
    """Scores of B rows: float32 (B)."""
    import torch

    return torch.tensor(list(scores), dtype=torch.float32)


def _scale(model: nn.Module) -> Scale:
    return Scale(*getattr(model.config, _SCALE))


def _last_layer(model: nn.Module) -> nn.Linear:
    """The linear layer that gives the number."""
    from torch.nn import Linear

    return [layer for layer in model.modules() if isinstance(layer, Linear) and layer.out_features == 1][-1]
