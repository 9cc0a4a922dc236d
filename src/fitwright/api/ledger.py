"""``ledger``: every prediction made here beside its measurement → the error table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    from fitwright.sizing.ledger.entry import Entry
    from fitwright.sizing.ledger.store import Ledger
    from fitwright.sizing.ledger.summary import Choice, GroupErrors

SCHEMA = 1
HOW_TO_FILL = (
    "The ledger is empty. 'fitwright evaluate', 'fit' and 'compress' write into it: each speed, memory and"
    " size that they measure, beside the estimate for the same work."
)
_AGO = re.compile(r"^\s*([0-9]+)\s*([hdw])\s*$")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True, kw_only=True)
class ErrorTable:
    """What :func:`ledger` found.

    Attributes:
        path: the file.
        groups: errors, coverage and the interval in force, one row a group.
        entries: the lines behind them, oldest first.
        total: lines in the whole ledger that could be read.
        skipped: one line about those that could not; empty where there are none.
    """

    path: Path
    groups: tuple[GroupErrors, ...]
    entries: tuple[Entry, ...]
    total: int
    skipped: str = ""

    def as_json(self, *, points: bool = False) -> dict[str, Any]:
        """Plain values; the single entries under ``points`` where asked for, else ``null``."""
        return {
            "schema": SCHEMA, "path": str(self.path), "total": self.total, "entries": len(self.entries),
            "skipped": self.skipped or None, "groups": [row.as_json() for row in self.groups],
            "points": [entry.as_json() for entry in self.entries] if points else None,
        }  # fmt: skip


def ledger(
    *,
    device: str | None = None,
    mode: str | None = None,
    quantity: str | None = None,
    model: str | None = None,
    since: str | datetime | None = None,
    path: Path | None = None,
) -> ErrorTable:
    """How far this user's estimates were off, by quantity, device, mode, engine and precision.

    Args:
        device: part of a device's name, or ``cpu``, ``gpu``, ``npu``.
        mode: ``infer`` or ``train``.
        quantity: for example ``latency``, ``memory-process``, ``throughput``, ``size``.
        model: part of a model's name.
        since: a date or time (ISO 8601; without a zone: UTC), or an age such as ``7d``, ``12h``, ``2w``.
        path: another ledger than this user's.

    Returns:
        The error table. An empty ledger gives an empty one.

    Raises:
        UsageError: a filter that nothing in the ledger answers to (what does is listed), or no date.
        RunError: the file cannot be read.
    """
    from fitwright.sizing.ledger import intervals, store
    from fitwright.sizing.ledger.residuals import points
    from fitwright.sizing.ledger.summary import error_table

    read = store.read(path)
    choice = _choice(read, device, mode, quantity, model, since)
    entries = tuple(entry for entry in read.entries if choice(entry))
    known = intervals.at_hand() if path is None else intervals.Known(points(read.entries))
    return ErrorTable(
        path=read.path, groups=error_table(entries, known), entries=entries, total=len(read.entries),
        skipped=read.skipped(),
    )  # fmt: skip


def clear_ledger(
    *,
    device: str | None = None,
    mode: str | None = None,
    quantity: str | None = None,
    model: str | None = None,
    since: str | datetime | None = None,
    path: Path | None = None,
) -> int:
    """Remove the entries that pass every filter of :func:`ledger`; without one, all of them.

    Returns:
        How many were removed.

    Raises:
        UsageError: as :func:`ledger`. RunError: the file cannot be written.
    """
    from fitwright.sizing.ledger import store

    read = store.read(path)
    return store.clear(_choice(read, device, mode, quantity, model, since), read.path)


def parse_since(text: str | datetime, now: datetime | None = None) -> datetime:
    """The moment that ``2026-11-01``, ``2026-11-01T12:00+01:00`` or ``7d`` (ago) names.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(text, datetime):
        return text if text.tzinfo else text.replace(tzinfo=UTC)
    if match := _AGO.match(text):
        try:
            return (now or datetime.now(UTC)) - timedelta(hours=int(match[1]) * _HOURS[match[2]])
        except OverflowError:
            raise UsageError("that is before all calendars", got=text) from None
    try:
        return parse_since(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise UsageError(
            "not a moment", got=text, allowed="a date such as 2026-11-01, or an age such as 12h, 7d, 2w"
        ) from None


def _choice(
    read: Ledger,
    device: str | None,
    mode: str | None,
    quantity: str | None,
    model: str | None,
    since: str | datetime | None,
) -> Choice:
    """The filters as one; each is checked against what the ledger holds, where it holds anything."""
    from fitwright.sizing.ledger.entry import MODES
    from fitwright.sizing.ledger.summary import Choice

    if mode is not None and mode not in MODES:
        raise UsageError("unknown mode", got=mode, allowed=", ".join(MODES))
    choice = Choice(
        device=device, mode=mode, quantity=quantity, model=model,
        since=None if since is None else parse_since(since),
    )  # fmt: skip
    for name, held in (
        ("device", {e.device for e in read.entries}),
        ("quantity", {e.quantity for e in read.entries}),
        ("model", {e.model for e in read.entries}),
    ):
        asked = getattr(choice, name)
        if asked is not None and held and not any(Choice(**{name: asked})(e) for e in read.entries):
            raise UsageError(f"nothing in the ledger has this {name}", got=asked, allowed=_some(held))
    return choice


def _some(names: set[str], most: int = 12) -> str:
    """A few names, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - most
    return ", ".join(ordered[:most]) + (f" and {more} more" if more > 0 else "")
