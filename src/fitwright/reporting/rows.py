"""The rows that a report is made of. Plain values: whoever measured them fills them in.

Every row turns into JSON with :func:`plain` and comes back with its ``from_json``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, Protocol, TypeVar, get_args

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record

Status = Literal["chosen", "met", "missed", "rejected", "skipped"]
"""``met``, ``missed``: measured, in or out of budget; ``rejected``: by prediction; ``skipped``: untried."""


class _FromJson(Protocol):
    @classmethod
    def from_json(cls, data: Any) -> Any: ...


_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Row = TypeVar("Row", bound="_FromJson")


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: dataclasses become objects, tuples lists, NaN and infinity ``null``."""
    if isinstance(value, Quantity | Record):
        return value.as_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return clean(value) if isinstance(value, str) else value


def clean(text: str) -> str:
    """``text`` without what neither UTF-8 nor HTML can hold: lone surrogates and control characters."""
    return _UNPRINTABLE.sub("\ufffd", text)


def many(kind: type[Row], data: Any) -> tuple[Row, ...]:
    """The rows of one JSON list."""
    return tuple(kind.from_json(item) for item in data or ())


def quantity(data: Any) -> Quantity | None:
    """A quantity from JSON; ``null`` stays ``None``."""
    return None if data is None else Quantity.from_json(data)


def record(data: Any) -> Record | None:
    """A record from JSON; ``null`` stays ``None``."""
    return None if data is None else Record.from_json(data)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer in one sentence.

    Attributes:
        met: every budget line holds; ``None`` where there was no budget to hold.
        headline: ``"4.6× faster, 4.1× smaller, 0.6 points below its teacher"``.
        binding: where the budget is missed, the constraint that binds, in words; else empty.
        nearest: where the budget is missed, the nearest point that was reached; else empty.
    """

    met: bool | None
    headline: str
    binding: str = ""
    nearest: str = ""

    @classmethod
    def from_json(cls, data: Any) -> Verdict:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class CandidateRow:
    """One point of the search: ``predicted`` and ``measured`` are kept apart and never mixed."""

    name: str
    steps: str
    status: Status
    predicted: Record | None = None
    measured: Record | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise UsageError("unknown status", got=self.status, allowed=", ".join(get_args(Status)))

    @classmethod
    def from_json(cls, data: Any) -> CandidateRow:
        return cls(
            **{**data, "predicted": record(data.get("predicted")), "measured": record(data.get("measured"))}
        )


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """A model that was considered as the source. ``latency`` and ``memory`` are predictions."""

    id: str
    kept: bool
    parameters: int | None = None
    latency: Quantity | None = None
    memory: Quantity | None = None
    reason: str = ""

    @classmethod
    def from_json(cls, data: Any) -> ModelRow:
        return cls(
            **{**data, "latency": quantity(data.get("latency")), "memory": quantity(data.get("memory"))}
        )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A prediction beside its measurement. ``name`` is the quantity's standard name."""

    name: str
    subject: str
    predicted: Quantity
    measured: Quantity

    @property
    def error(self) -> float | None:
        """(predicted − measured) ÷ measured; ``None`` where the measurement is 0."""
        return (self.predicted.value / self.measured.value - 1) if self.measured.value else None

    @property
    def inside(self) -> bool:
        """The measured value lies in the predicted interval."""
        low, high = self.predicted.low, self.predicted.high
        return low is not None and high is not None and low <= self.measured.value <= high

    @classmethod
    def from_json(cls, data: Any) -> Prediction:
        both = {key: Quantity.from_json(data[key]) for key in ("predicted", "measured")}
        return cls(name=data["name"], subject=data["subject"], **both)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One logged step of a training; what was not logged there is ``None``."""

    step: int
    train_loss: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None

    @classmethod
    def from_json(cls, data: Any) -> CurvePoint:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The log of one training. ``stage``: ``train`` or ``compress``."""

    name: str
    stage: str
    points: tuple[CurvePoint, ...]

    @classmethod
    def from_json(cls, data: Any) -> Curve:
        return cls(name=data["name"], stage=data["stage"], points=many(CurvePoint, data["points"]))


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts by true class (rows) and answered class (columns), both in the order of ``labels``."""

    subject: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.labels)
        if len(self.counts) != size or any(len(row) != size for row in self.counts):
            raise UsageError("a confusion matrix needs one row and one column a label", got=self.counts)

    def scores(self, index: int) -> tuple[float, float, float]:
        """Precision, recall and F1 of one class; 0 where nothing was there to count."""
        hit = self.counts[index][index]
        answered, true = sum(row[index] for row in self.counts), sum(self.counts[index])
        precision, recall = hit / max(answered, 1), hit / max(true, 1)
        return precision, recall, 2 * hit / max(answered + true, 1)

    @classmethod
    def from_json(cls, data: Any) -> Confusion:
        return cls(
            subject=data["subject"], labels=tuple(data["labels"]),
            counts=tuple(tuple(row) for row in data["counts"]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """A row that the result got wrong. ``text`` is untrusted. ``confidence``: its probability, 0 to 1."""

    text: str
    truth: str
    answer: str
    confidence: float
    source_answer: str | None = None

    @classmethod
    def from_json(cls, data: Any) -> ErrorRow:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The data profile: text ``lines`` for people, ``facts`` for machines, and what to beware of."""

    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Any) -> DataSummary:
        return cls(lines=tuple(data["lines"]), warnings=tuple(data["warnings"]), facts=data["facts"])


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """A stage of the run and its wall time; ``resumed`` where an earlier run had done it."""

    name: str
    seconds: float
    resumed: bool = False

    @classmethod
    def from_json(cls, data: Any) -> StageRow:
        return cls(**data)
