"""The budget grammar: ``latency-p95=3ms,throughput=500/s,size=25MB,memory=1GiB,max-drop=1.0``.

A value may be relative to the source model: ``latency-p95=0.33x``. ``max-drop`` is in points (hundredths) of
the quality metric below the source model and is the quality gate; 1.5 unless told. ``training-memory`` is the
peak of one fine-tuning step; ``price`` is US dollars for a million rows. Those two are only predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.units import (
    format_bytes,
    format_rate,
    format_seconds,
    parse_bytes,
    parse_rate,
    parse_seconds,
)
from fitwright.spec.quantity import Unit

DEFAULT_MAX_DROP = 1.5


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("not a number", got=text) from None


@dataclass(frozen=True)
class _Kind:
    unit: Unit
    at_most: bool
    relative: bool
    parse: Callable[[str], float]
    format: Callable[[float], str]


_KINDS: Mapping[str, _Kind] = {
    "latency-p50": _Kind("s", True, True, parse_seconds, format_seconds),
    "latency-p95": _Kind("s", True, True, parse_seconds, format_seconds),
    "throughput": _Kind("1/s", False, True, parse_rate, format_rate),
    "size": _Kind("B", True, True, parse_bytes, format_bytes),
    "memory": _Kind("B", True, True, parse_bytes, format_bytes),
    "training-memory": _Kind("B", True, False, parse_bytes, format_bytes),
    "max-drop": _Kind("points", True, False, _parse_number, lambda v: f"{v:g} points"),
    "price": _Kind("USD", True, False, _parse_number, lambda v: f"{v:g} USD"),
}


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """One limit. ``value`` is SI, or a factor of the source's own figure when ``relative``."""

    name: str
    value: float
    relative: bool = False

    def __post_init__(self) -> None:
        if self.name not in _KINDS:
            raise UsageError("unknown budget constraint", got=self.name, allowed=", ".join(_KINDS))
        if self.relative and not _KINDS[self.name].relative:
            raise UsageError(f"{self.name} cannot be relative", got=f"{self.value:g}x")
        floor_ok = self.value >= 0 if self.name == "max-drop" else self.value > 0
        if not floor_ok or self.value == float("inf"):
            raise UsageError(f"the budget for {self.name} must be positive", got=self.value)

    @property
    def at_most(self) -> bool:
        """True where smaller is better."""
        return _KINDS[self.name].at_most

    @property
    def unit(self) -> Unit:
        return _KINDS[self.name].unit

    def __str__(self) -> str:
        shown = f"{self.value:g}x" if self.relative else _KINDS[self.name].format(self.value)
        return f"{self.name} {'≤' if self.at_most else '≥'} {shown}"


@dataclass(frozen=True, kw_only=True)
class BudgetLine:
    """A constraint held against a measurement.

    ``target`` and ``measured`` are SI; ``measured`` is ``None`` where nothing was measured, and then ``met``
    is false. ``excess`` is how far over the limit, as a fraction of the target (0 where met).
    """

    name: str
    target: float
    measured: float | None
    met: bool
    excess: float
    unit: Unit
    constraint: Constraint

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "target": self.target, "measured": self.measured, "met": self.met,
            "unit": self.unit, "stated": str(self.constraint),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Constraints that must hold together. ``max-drop`` is always among them."""

    constraints: tuple[Constraint, ...]

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read the grammar. An empty text is the quality gate alone."""
        found: dict[str, Constraint] = {}
        for part in (p.strip() for p in text.split(",")):
            if not part:
                continue
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals or not value:
                raise UsageError(
                    "a budget is name=value, separated by commas", got=part, allowed=", ".join(_KINDS)
                )
            if name not in _KINDS:
                raise UsageError("unknown budget constraint", got=name, allowed=", ".join(_KINDS))
            if name in found:
                raise UsageError("a budget names a constraint twice", got=name)
            relative = value[-1] in "xX×"
            number = _parse_number(value[:-1]) if relative else _KINDS[name].parse(value)
            found[name] = Constraint(name=name, value=number, relative=relative)
        found.setdefault("max-drop", Constraint(name="max-drop", value=DEFAULT_MAX_DROP))
        return cls(constraints=tuple(found.values()))

    @property
    def max_drop(self) -> float:
        """The quality gate, in points."""
        return next(c.value for c in self.constraints if c.name == "max-drop")

    def check(
        self, measured: Mapping[str, float | None], source: Mapping[str, float | None]
    ) -> tuple[BudgetLine, ...]:
        """Hold ``measured`` against the constraints.

        Args:
            measured: SI value by constraint name; the quality drop in points under ``max-drop``.
            source: the source model's own figures, for relative constraints.
        """
        return tuple(_check(c, measured.get(c.name), source.get(c.name)) for c in self.constraints)

    def __str__(self) -> str:
        return ", ".join(str(c) for c in self.constraints)


def _check(constraint: Constraint, measured: float | None, source: float | None) -> BudgetLine:
    target = constraint.value
    if constraint.relative:
        if source is None:
            raise UsageError(f"{constraint} is relative, but the source model has no {constraint.name}")
        target *= source
    if measured is None:
        excess = float("inf")
    elif constraint.at_most:
        excess = (measured - target) / target if target else measured
    else:
        excess = (target - measured) / target
    met = measured is not None and excess <= 0
    return BudgetLine(
        name=constraint.name, target=target, measured=measured, met=met, excess=max(0.0, excess),
        unit=constraint.unit, constraint=constraint,
    )  # fmt: skip


def binding(lines: tuple[BudgetLine, ...]) -> BudgetLine | None:
    """The constraint that is missed by most, relative to its target; ``None`` where all are met."""
    missed = [line for line in lines if not line.met]
    return max(missed, key=lambda line: line.excess) if missed else None
