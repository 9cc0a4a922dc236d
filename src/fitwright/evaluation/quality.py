"""How often a classifier is right, with the interval that its number of test rows allows.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import DataError, UsageError
from fitwright.core.progress import Progress
from fitwright.data.dataset import LabelledText
from fitwright.metrics.classification import ClassScores, confusion, per_class
from fitwright.metrics.intervals import Interval, Metric, bootstrap, paired_difference
from fitwright.spec.quantity import Quantity, Unit

_BOOTSTRAP_NOTE = "95 % bootstrap interval over {rows:,} rows"


class Classifier(Protocol):
    """What is measured: ``engines.classifier.TextClassifier``, or anything that answers like it."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def predict(
        self, texts: Sequence[str], batch_size: int = 32, progress: Progress | None = None
    ) -> NDArray[np.float32]: ...


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Answers of one classifier on labelled rows, and what they are worth.

    Attributes:
        accuracy, f1: shares from 0 to 1 with a 95 % bootstrap interval; F1 is the macro mean.
        names: the classes in the order of the indices below.
        truth: (N,) class indices.
        predictions: (N,) class indices.
        probabilities: (N, C).
        confusion: (C, C) counts, truth in rows.
        classes: precision, recall and F1 of each class.
    """

    accuracy: Quantity
    f1: Quantity
    names: tuple[str, ...]
    truth: NDArray[np.int64]
    predictions: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    confusion: NDArray[np.int64]
    classes: tuple[ClassScores, ...]

    def as_json(self) -> dict[str, Any]:
        """Scores, confusion matrix and per-class scores; the answers themselves are left out."""
        return {
            "accuracy": self.accuracy.as_json(), "f1": self.f1.as_json(), "rows": len(self.truth),
            "confusion": {"labels": list(self.names), "counts": self.confusion.tolist()},
            "classes": {
                name: {
                    "precision": scores.precision, "recall": scores.recall, "f1": scores.f1,
                    "support": scores.support,
                }
                for name, scores in zip(self.names, self.classes, strict=True)
            },
        }  # fmt: skip


def measure_quality(
    classifier: Classifier,
    dataset: LabelledText,
    *,
    batch_size: int = 32,
    seed: int = 0,
    progress: Progress | None = None,
) -> Quality:
    """Let ``classifier`` answer every row of ``dataset`` and score the answers.

    Args:
        classifier: probabilities in the order of its ``labels``.
        dataset: its class names must be among the classifier's; their order may differ.
        batch_size: rows that the engine sees at once.
        seed: of the bootstrap.
        progress: where to report to, in rows.

    Raises:
        DataError: no rows, or a class that the classifier does not have.
    """
    if not len(dataset):
        raise DataError("there are no rows to evaluate on")
    truth_N = _truth(dataset, classifier.labels)
    probabilities_NC = classifier.predict(dataset.texts, batch_size=batch_size, progress=progress)
    predictions_N = probabilities_NC.argmax(axis=1).astype(np.int64)
    counts_CC = confusion(truth_N, predictions_N, classes=len(classifier.labels))
    return Quality(
        accuracy=_share(truth_N, predictions_N, "accuracy", seed),
        f1=_share(truth_N, predictions_N, "macro_f1", seed),
        names=classifier.labels, truth=truth_N, predictions=predictions_N,
        probabilities=probabilities_NC, confusion=counts_CC, classes=per_class(counts_CC),
    )  # fmt: skip


def compare_quality(
    source: Quality, candidate: Quality, *, metric: Metric = "accuracy", seed: int = 0
) -> Quantity:
    """Points (hundredths of ``metric``) that ``candidate`` is below ``source`` on the same rows.

    Positive: the candidate is worse. The interval is a paired bootstrap: both are scored on each resample.

    Raises:
        UsageError: the two were not measured on the same rows.
    """
    if source.names != candidate.names or not np.array_equal(source.truth, candidate.truth):
        raise UsageError(
            "two models can only be compared on the same rows and classes",
            got=(len(source.truth), len(candidate.truth)),
        )
    drop = -paired_difference(
        candidate.truth, candidate.predictions, source.predictions, metric=metric, seed=seed
    )
    note = f"{metric} below the source's, 95 % paired bootstrap interval over {len(source.truth):,} rows"
    return _quantity(drop, "points", note)


def _truth(dataset: LabelledText, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """(N,) truth as indices of the classifier's labels."""
    used = {dataset.names[index] for index in set(dataset.labels)}
    unknown = sorted(used - set(labels))
    if unknown:
        raise DataError(
            "the data has classes that the model does not know", got=", ".join(unknown[:5]),
            allowed=", ".join(labels[:20]),
        )  # fmt: skip
    place = [labels.index(name) if name in labels else -1 for name in dataset.names]
    return np.asarray([place[index] for index in dataset.labels], dtype=np.int64)


def _share(
    truth_N: NDArray[np.int64], predictions_N: NDArray[np.int64], metric: Metric, seed: int
) -> Quantity:
    interval = bootstrap(truth_N, predictions_N, metric=metric, seed=seed)
    return _quantity(interval, "1", _BOOTSTRAP_NOTE.format(rows=len(truth_N)))


def _quantity(interval: Interval, unit: Unit, note: str) -> Quantity:
    """A measured quantity, freed of rounding noise such as -1e-17.

    The value is put inside the interval: the percentile bootstrap of a skewed metric may miss it.
    """
    value, low, high = (round(number, 10) + 0.0 for number in (interval.value, interval.low, interval.high))
    return Quantity.measured(value, unit, low=min(low, value), high=max(high, value), note=note)
