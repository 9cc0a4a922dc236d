"""The order of the models that may do, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fitwright.selection import pareto
from fitwright.selection.choices import Choice
from fitwright.selection.quality import Benchmark


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The four groups of :class:`~fitwright.selection.choices.Recommendation`."""

    front: tuple[Choice, ...]
    beaten: tuple[Choice, ...]
    unknown_quality: tuple[Choice, ...]
    unpriced: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class _Rated:
    """A choice with its two numbers. ``quality`` grows with the better, whichever way the metric points."""

    choice: Choice
    quality: float
    cost_s: float


def rank(kept: Sequence[Choice], benchmark: Benchmark | None) -> Ranking:
    """Order ``kept``: the Pareto front, what it beats, what has no figure (by cost), what has no cost.

    The point estimates of the cost are compared, not their intervals: the models share a device and a
    workload, so most of an estimate's error is common to all of them.
    """
    sign = 1.0 if benchmark is None or benchmark.higher_is_better else -1.0
    rated: list[_Rated] = []
    unknown: list[tuple[float, Choice]] = []
    unpriced: list[Choice] = []
    for choice in kept:
        cost = choice.needs.cost
        if cost is None:
            unpriced.append(replace(choice, reason="its latency is not known here"))
        elif choice.figure is None:
            unknown.append((cost.value, replace(choice, reason="no published figure: ranked by cost")))
        else:
            rated.append(_Rated(choice=choice, quality=sign * choice.figure.value, cost_s=cost.value))
    front, beaten = pareto.front([(entry, entry.quality, entry.cost_s) for entry in rated])
    unknown.sort(key=lambda entry: entry[0])
    return Ranking(
        front=_explained(front), beaten=tuple(_beaten(entry, front) for entry in beaten),
        unknown_quality=tuple(choice for _, choice in unknown), unpriced=tuple(unpriced),
    )  # fmt: skip


def _explained(front: Sequence[_Rated]) -> tuple[Choice, ...]:
    """Best first; each next one by what it gives up and what it saves."""
    explained: list[Choice] = []
    for place, entry in enumerate(front):
        if place == 0:
            reason = "the best published figure of all that may fit"
        else:
            lost = front[place - 1].quality - entry.quality
            share = entry.cost_s / front[place - 1].cost_s
            reason = f"{lost:.1f} points less than the one above for {share:.0%} of its cost"
            reason += "; the cheapest with a figure" if place == len(front) - 1 else ""
        explained.append(replace(entry.choice, reason=reason))
    return tuple(explained)


def _beaten(entry: _Rated, front: Sequence[_Rated]) -> Choice:
    """The choice with the best of the front that costs no more."""
    winner = next(other for other in front if other.cost_s <= entry.cost_s)
    gained = winner.quality - entry.quality
    how = f"{gained:.1f} points better" if gained > 0 else "as good"
    share = winner.cost_s / entry.cost_s
    return replace(entry.choice, reason=f"{winner.choice.spec.id} is {how} at {share:.0%} of its cost")
