"""One line of the ledger: a quantity of a workload, as it was predicted and as it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity, Unit

SCHEMA = 1
DEFAULT_METHOD = "formula"
"""How an estimate was made, where its maker does not say."""

Source = Literal["evaluate", "fit", "compress", "profile"]
MODES = ("infer", "train")
_SOURCES, _UNITS = get_args(Source), get_args(Unit)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A positive value with its interval, in SI."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not all(type(number) in (int, float) for number in (self.value, self.low, self.high)):
            raise UsageError("the ledger holds numbers", got=(self.low, self.value, self.high))
        if (
            not math.isfinite(self.low)
            or not math.isfinite(self.high)
            or self.value <= 0
            or not (self.low <= self.value <= self.high)
        ):
            raise UsageError(
                "the ledger holds positive values within their interval",
                got=(self.low, self.value, self.high),
            )

    @classmethod
    def of(cls, quantity: Quantity) -> Span:
        """From a quantity; one without an interval (exact) is its own interval."""
        low = quantity.value if quantity.low is None else quantity.low
        high = quantity.value if quantity.high is None else quantity.high
        return cls(value=quantity.value, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One quantity of one workload, predicted and measured.

    Attributes:
        when: ISO 8601 with its zone.
        quantity: ``latency`` (seconds of a batch, median), ``latency-p95``, ``throughput``, ``size``,
            ``memory-process``, ``memory-allocated``, …
        unit: of the two spans, SI: ``s``, ``B``, ``1/s``.
        device: its name; ``device_kind``: ``cpu``, ``gpu`` or ``npu``.
        mode: ``infer`` or ``train``; ``engine``, ``precision``: what ran; empty where it has no meaning.
        model: a catalogue id, or the name alone of a private folder.
        shape: hash of the architecture and its sizes: two models of one shape cost the same, so they count
            as one. Empty: the name tells models apart.
        batch, seq, threads: the workload; ``threads`` may be unknown.
        estimated: as it was told, in force at the time.
        raw: the estimator's own value, before the ledger corrected it; ``None``: nothing was corrected.
        measured: with the spread of its samples.
        method: how the estimate was made; residuals of different methods are never pooled.
        profile_id: of the device profile that priced it.
        source: who measured.
        disturbed: other work disturbed the measurement; kept, and left out of errors and intervals.
        versions: of the packages that matter.
    """

    when: str
    quantity: str
    unit: Unit
    device: str
    device_kind: str
    mode: str
    engine: str = ""
    precision: str = ""
    model: str
    shape: str = ""
    batch: int
    seq: int
    threads: int | None = None
    estimated: Span
    raw: float | None = None
    measured: Span
    method: str = DEFAULT_METHOD
    profile_id: str | None = None
    source: str
    disturbed: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("mode", self.mode, MODES),
            ("source", self.source, _SOURCES),
            ("unit", self.unit, _UNITS),
        ):
            if value not in allowed:
                raise UsageError(f"unknown {name} of a ledger entry", got=value, allowed=", ".join(allowed))
        for name in ("quantity", "device", "model"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise UsageError(f"a ledger entry needs its {name}", got=getattr(self, name))
        for name in ("batch", "seq"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise UsageError(f"the {name} of a ledger entry must be at least 1", got=getattr(self, name))
        if self.raw is not None and not (math.isfinite(self.raw) and self.raw > 0):
            raise UsageError("the raw estimate must be positive", got=self.raw)
        if self.time.tzinfo is None:
            raise UsageError("the time of a ledger entry needs its zone", got=self.when)

    @property
    def time(self) -> datetime:
        try:
            return datetime.fromisoformat(self.when)
        except (TypeError, ValueError):
            raise UsageError("not a time", got=self.when, allowed="ISO 8601") from None

    @property
    def told_residual(self) -> float:
        """log(measured ÷ estimated), as the estimate was told."""
        return math.log(self.measured.value / self.estimated.value)

    @property
    def residual(self) -> float:
        """log(measured ÷ raw): free of earlier corrections, so that corrections do not chase themselves."""
        return math.log(self.measured.value / (self.raw or self.estimated.value))

    @property
    def held(self) -> bool:
        """Whether the measurement lay in the interval that was told."""
        return self.estimated.low <= self.measured.value <= self.estimated.high

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """The inverse of :meth:`as_json`; keys that this version does not know are left aside."""
        given = {key: value for key, value in data.items() if key in _NAMES}
        for name in ("estimated", "measured"):
            given[name] = Span(**given[name])
        return cls(**given)


_NAMES = frozenset(field.name for field in fields(Entry))
