"""The error table: every group of the ledger with its errors, its coverage and the interval now in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from fitwright.sizing.ledger.conformal import Calibration, left_one_out
from fitwright.sizing.ledger.entry import Entry
from fitwright.sizing.ledger.intervals import Known
from fitwright.sizing.ledger.residuals import Group, median, nearest_rank, points


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which entries to look at; what is ``None`` does not matter.

    Attributes:
        device: part of its name in any letter case, or its kind.
        mode, quantity: exactly so.
        model: part of its name, in any letter case.
        since: not older than this moment.
    """

    device: str | None = None
    mode: str | None = None
    quantity: str | None = None
    model: str | None = None
    since: datetime | None = None

    def __call__(self, entry: Entry) -> bool:
        tests: tuple[tuple[object, Callable[[], bool]], ...] = (
            (self.device, lambda: on_device(entry, self.device or "")),
            (self.mode, lambda: entry.mode == self.mode),
            (self.quantity, lambda: entry.quantity == self.quantity),
            (self.model, lambda: (self.model or "").casefold() in entry.model.casefold()),
            (self.since, lambda: self.since is None or entry.time >= self.since),
        )
        return all(holds() for asked, holds in tests if asked is not None)


def on_device(entry: Entry, device: str) -> bool:
    """Whether the entry's device is of that kind or has that text in its name."""
    return device.casefold() == entry.device_kind or device.casefold() in entry.device.casefold()


@dataclass(frozen=True, kw_only=True)
class GroupErrors:
    """One line of the error table. Errors are (estimate − measured) ÷ measured, as the estimate was told.

    Attributes:
        points: what counts: repeats put together, disturbed measurements left out.
        models: different shapes among them.
        entries, disturbed: lines of the ledger, and how many of them were disturbed.
        median_error, p90_error, worst_error: of the absolute error; ``None`` without points.
        bias: median signed error; positive: told too high.
        held: share of the measurements that lay in the interval told beforehand.
        left_out: share of the points that the residuals of the other models would have covered; ``None``
            where there are too few. ``left_out_points``: of how many, those that could be judged so.
        calibration: what the next estimate's interval is made of; ``None``: it is assumed.
    """

    group: Group
    points: int
    models: int
    entries: int
    disturbed: int
    median_error: float | None
    p90_error: float | None
    worst_error: float | None
    bias: float | None
    held: float | None
    left_out: float | None
    left_out_points: int
    calibration: Calibration | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def error_table(entries: Iterable[Entry], known: Known) -> tuple[GroupErrors, ...]:
    """One row a group, ordered by quantity, device, mode, engine and precision.

    Args:
        entries: those to judge.
        known: where the interval in force comes from; it may rest on more than ``entries``.
    """
    grouped: dict[Group, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(Group.of(entry), []).append(entry)
    order = sorted(grouped, key=lambda g: (g.quantity, g.device, g.mode, g.engine, g.precision, g.method))
    return tuple(_row(group, grouped[group], known) for group in order)


def _row(group: Group, entries: list[Entry], known: Known) -> GroupErrors:
    own = points(entries)
    errors = [abs(point.error) for point in own]
    covered, judged = left_one_out(own)
    return GroupErrors(
        group=group, points=len(own), models=len({p.model for p in own}), entries=len(entries),
        disturbed=sum(entry.disturbed for entry in entries),
        median_error=median(errors) if errors else None,
        p90_error=nearest_rank(errors, 90) if errors else None,
        worst_error=max(errors, default=None),
        bias=median(point.error for point in own) if own else None,
        held=sum(point.held for point in own) / len(own) if own else None,
        left_out=covered / judged if judged else None, left_out_points=judged,
        calibration=known.calibration(group),
    )  # fmt: skip
