"""A number that knows its unit, where it came from, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fitwright.core.errors import UsageError

Unit = Literal["B", "s", "FLOP", "token", "J", "USD", "1", "1/s", "points"]
"""``1``: a ratio or a count; ``1/s``: events per second; ``points``: hundredths of accuracy or F1."""

Origin = Literal["exact", "published", "estimated", "measured"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A value with its unit and origin.

    Attributes:
        value: in SI (bytes, seconds); finite.
        unit: one of :data:`Unit`.
        origin: ``exact`` (counted), ``published`` (read in a source), ``estimated`` (predicted) or
            ``measured``. The last two carry an interval.
        low, high: bounds of the interval, ``low <= value <= high``; ``None`` for the first two.
        note: what the interval means, or the source.
    """

    value: float
    unit: Unit
    origin: Origin
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise UsageError("unknown unit", got=self.unit, allowed=", ".join(get_args(Unit)))
        if self.origin not in get_args(Origin):
            raise UsageError("unknown origin", got=self.origin, allowed=", ".join(get_args(Origin)))
        numbers = [x for x in (self.value, self.low, self.high) if x is not None]
        if not all(math.isfinite(x) for x in numbers):
            raise UsageError("a quantity must be finite", got=numbers)
        if self.origin in ("estimated", "measured"):
            if self.low is None or self.high is None:
                raise UsageError(f"an {self.origin} quantity needs an interval", got=self.value)
        if self.low is not None and self.high is not None:
            if not self.low <= self.value <= self.high:
                raise UsageError("a quantity must lie in its interval", got=(self.low, self.value, self.high))

    @classmethod
    def exact(cls, value: float, unit: Unit, note: str = "") -> Quantity:
        """A counted value."""
        return cls(value=value, unit=unit, origin="exact", note=note)

    @classmethod
    def estimated(cls, value: float, unit: Unit, *, low: float, high: float, note: str = "") -> Quantity:
        """A predicted value with its interval."""
        return cls(value=value, unit=unit, origin="estimated", low=low, high=high, note=note)

    @classmethod
    def measured(cls, value: float, unit: Unit, *, low: float, high: float, note: str = "") -> Quantity:
        """A measured value with the spread of its samples or its confidence interval."""
        return cls(value=value, unit=unit, origin="measured", low=low, high=high, note=note)

    def as_json(self) -> dict[str, Any]:
        """``{value, unit, origin, low, high, note}``; absent bounds are ``null``, never left out."""
        return {
            "value": self.value, "unit": self.unit, "origin": self.origin,
            "low": self.low, "high": self.high, "note": self.note,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Quantity:
        """The inverse of :meth:`as_json`."""
        return cls(**data)
