"""A model's needs held against limits: surely missed, perhaps missed, or not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.units import format_bytes, format_rate, format_seconds
from fitwright.selection.needs import Needs, bounds
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity

DEVICE_MEMORY, DEVICE_TRAINING_MEMORY = "device memory", "device memory in training"
_FORMATS: Mapping[str, Callable[[float], str]] = {
    "B": format_bytes, "s": format_seconds, "1/s": format_rate, "USD": lambda value: f"{value:.3g} USD",
    "token": lambda value: f"{value:,.0f} tokens",
}  # fmt: skip
_SHARES_UNDER = 3.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound on one need. ``need``: the name in :class:`Needs`; ``name``: what the user knows it as."""

    name: str
    need: str
    value: float
    unit: str
    at_most: bool


@dataclass(frozen=True, kw_only=True)
class Miss:
    """A constraint that a model misses.

    Attributes:
        constraint: a budget name, ``sequence``, ``device memory``, or a wish: ``task``, ``language`` ….
        reason: one line with the figures.
        limit, best, likely: SI: what was asked, the favourable end of the estimate, the estimate itself;
            ``None`` where the constraint is no number.
        excess: how far ``best`` is over the limit (short of it, for a throughput), as a share of the limit.
        unit: of the three.
    """

    constraint: str
    reason: str
    limit: float | None = None
    best: float | None = None
    likely: float | None = None
    excess: float | None = None
    unit: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``missed``: surely, worst first; ``doubtful``: limit in the interval; ``unknown``: no estimate."""

    missed: tuple[Miss, ...]
    doubtful: tuple[str, ...]
    unknown: tuple[str, ...]


def limits_of(budget: Budget, device: Device, *, trains: bool, priced: bool) -> tuple[Limit, ...]:
    """The budget's limits and the device's own memory, in the order they are checked.

    Raises:
        UsageError: a limit that cannot be held: relative to a source model, or a price without
            ``--price-per-hour``.
    """
    found: list[Limit] = []
    for constraint in budget.constraints:
        if constraint.name == "max-drop":
            continue  # quality is not predicted; it gates what fit and compress make
        if constraint.relative:
            raise UsageError(
                "a relative limit needs a source model, and recommend has none", got=str(constraint),
                mend="Give an absolute value.",
            )  # fmt: skip
        if constraint.name == "price" and not priced:
            raise UsageError(
                "the budget has a price, but no price of an hour is known", got=str(constraint),
                mend="Add --price-per-hour (US dollars of one device).",
            )  # fmt: skip
        found.append(
            Limit(
                name=constraint.name, need=constraint.name, value=constraint.value, unit=constraint.unit,
                at_most=constraint.at_most,
            )
        )  # fmt: skip
    if device.memory_bytes is not None:
        own = {"value": float(device.memory_bytes), "unit": "B", "at_most": True}
        found.append(Limit(name=DEVICE_MEMORY, need="memory", **own))  # type: ignore[arg-type]
        if trains:
            found.append(Limit(name=DEVICE_TRAINING_MEMORY, need="training-memory", **own))  # type: ignore[arg-type]
    return tuple(found)


def judge(needs: Needs, limits: Sequence[Limit]) -> Verdict:
    """Hold ``needs`` against every limit. Only a favourable end that misses counts as missed."""
    missed: list[Miss] = []
    doubtful: list[str] = []
    unknown: list[str] = []
    for limit in limits:
        found = needs.get(limit.need)
        if found is None:
            unknown.append(limit.name)
            continue
        best, worst = bounds(found) if limit.at_most else bounds(found)[::-1]
        if _excess(best, limit) > 0:
            missed.append(_miss(limit, found, best))
        elif _excess(worst, limit) > 0:
            doubtful.append(limit.name)
    missed.sort(key=lambda miss: -(miss.excess or 0.0))
    return Verdict(missed=tuple(missed), doubtful=tuple(doubtful), unknown=tuple(unknown))


def too_long(limit_tokens: int, asked_tokens: int) -> Miss:
    """The miss of a model whose longest input is shorter than what was asked."""
    return Miss(
        constraint="sequence", limit=float(asked_tokens), best=float(limit_tokens),
        likely=float(limit_tokens), unit="token", excess=asked_tokens / limit_tokens - 1,
        reason=f"takes at most {limit_tokens:,} tokens, {asked_tokens:,} asked",
    )  # fmt: skip


def shown(value: float, unit: str | None) -> str:
    """A value as people read it."""
    return _FORMATS[unit](value) if unit is not None and unit in _FORMATS else f"{value:g}"


def _excess(value: float, limit: Limit) -> float:
    short = value - limit.value if limit.at_most else limit.value - value
    return short / limit.value


def _miss(limit: Limit, found: Quantity, best: float) -> Miss:
    excess = _excess(best, limit)
    least, allowed, side = ("at least", "allowed", "over") if limit.at_most else ("at most", "asked", "short")
    how_far = f"{excess:.0%} {side}" if excess < _SHARES_UNDER else f"{1 + excess:.1f}× the limit"
    own = shown(best, limit.unit)
    needed = own if found.origin == "exact" else f"{least} {own} predicted"
    reason = f"{limit.name} {needed}, {shown(limit.value, limit.unit)} {allowed}: {how_far}"
    return Miss(
        constraint=limit.name, reason=reason, limit=limit.value, best=best, likely=found.value, excess=excess,
        unit=limit.unit,
    )  # fmt: skip
