"""The interval of an estimate: from the nearest residuals that are enough, down to the assumed one."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fitwright.core.errors import FitwrightError
from fitwright.core.files import read_json
from fitwright.sizing.ledger import store
from fitwright.sizing.ledger.conformal import COVERAGE_PERCENT, Calibration, Sample, calibrate
from fitwright.sizing.ledger.residuals import Group, Point, points

FEWEST_MODELS = 3
"""Below that, points tell about their own models alone, and the assumed interval stays."""
EXACT, ENGINE, DEVICE, SHIPPED = "this group", "any precision", "any engine", "shipped"

_SHIPPED_FILE = Path(__file__).parents[1] / "data" / "residuals.json"
_READ_BYTES = 1_000_000
"""Of the ledger's end: about 1,400 entries, so that a long life does not slow every estimate."""
_switched_off: ContextVar[bool] = ContextVar("ledger_switched_off", default=False)


class Interval(NamedTuple):
    """An estimate as it should be told: its interval, why, and its value (corrected where that is due)."""

    low: float
    high: float
    note: str
    value: float


class Known:
    """The residuals that are at hand: kept on this machine, and shipped.

    Args:
        own: points of this machine's ledger.
        shipped: by key (see :func:`shipped_keys`): a list of residuals, or residuals by model.
        problem: why the ledger could not be read; empty where it could.
    """

    def __init__(
        self,
        own: Sequence[Point],
        shipped: Mapping[str, Sequence[float] | Mapping[str, Sequence[float]]] | None = None,
        problem: str = "",
    ) -> None:
        self.problem = problem
        self._shipped = shipped or {}
        self._near: dict[tuple[str, str, str, str], list[Point]] = {}
        for point in own:
            self._near.setdefault(_nearness(point.group), []).append(point)
        self._found: dict[Group, Calibration | None] = {}

    def calibration(self, group: Group) -> Calibration | None:
        """The nearest residuals that are enough; ``None`` where none are."""
        if group not in self._found:
            self._found[group] = self._own(group) or self._from_shipped(group)
        return self._found[group]

    def seen(self, group: Group) -> list[Point]:
        """This machine's points of the same quantity, mode, engine and method, whatever the precision."""
        return [p for p in self._near.get(_nearness(group), ()) if p.group.engine == group.engine]

    def _own(self, group: Group) -> Calibration | None:
        same_engine = self.seen(group)
        for level, chosen in (
            (EXACT, [p for p in same_engine if p.group == group]),
            (ENGINE, same_engine),
            (DEVICE, self._near.get(_nearness(group), [])),
        ):
            if len({point.model for point in chosen}) < FEWEST_MODELS:
                continue
            samples: list[Sample] = [(p.model, p.residual) for p in chosen]
            found = calibrate(samples, correct_bias=level == EXACT)
            if found is not None:
                return replace(found, level=level)
        return None

    def _from_shipped(self, group: Group) -> Calibration | None:
        for key in shipped_keys(group):
            rows = self._shipped.get(key, ())
            samples: list[Sample] = (
                [(model, r) for model, residuals in rows.items() for r in residuals]
                if isinstance(rows, Mapping)
                else [(None, r) for r in rows]
            )
            found = calibrate(samples)
            if found is not None:
                return replace(found, level=SHIPPED)
        return None


def shipped_keys(group: Group) -> tuple[str, ...]:
    """The keys of ``data/residuals.json`` that speak for a group, nearest first.

    ``method:kind/mode/quantity/engine/precision``, then without the precision, then without the engine.
    """
    whole = f"{group.method}:{group.device_kind}/{group.mode}/{group.quantity}"
    return (f"{whole}/{group.engine}/{group.precision}", f"{whole}/{group.engine}", whole)


def interval_for(
    group: Group, estimate_value: float, prior_low: float, prior_high: float, *, known: Known | None = None
) -> Interval:
    """The interval of an estimate from the residuals that are nearest to it.

    In this order: this group's own; the same engine at any precision; this device and mode with any engine;
    the shipped ones of this kind of device; the assumed interval. Whatever is not the group's own is widened
    until it holds what was seen of this engine here. The value is corrected by the group's own median
    residual alone, and from 5 models on.

    Args:
        group: of the estimate.
        estimate_value: as the estimator made it, SI, positive (anything else comes back as it is).
        prior_low, prior_high: the interval that is assumed without residuals.
        known: residuals to use; this user's ledger and the shipped ones by default.

    Returns:
        ``(low, high, note, value)`` with ``low <= value <= high``.
    """
    if _switched_off.get() or not estimate_value > 0:
        return Interval(prior_low, prior_high, "", estimate_value)
    known = known or at_hand()
    found, seen = known.calibration(group), [p.residual for p in known.seen(group)]
    if found is not None and found.level == EXACT:
        value = estimate_value * found.centre
        return Interval(estimate_value * found.low, estimate_value * found.high, _note(found), value)
    low, high, note = prior_low, prior_high, "assumed interval: nothing like it was measured on this device"
    if found is not None:
        low, high, note = estimate_value * found.low, estimate_value * found.high, _note(found)
    if seen:
        low = min(low, estimate_value * math.exp(min(seen)))
        high = max(high, estimate_value * math.exp(max(seen)))
        models = len({point.model for point in known.seen(group)})
        few = f"{_count(len(seen), 'point')} of {_count(models, 'model')} measured here"
        note = (
            f"assumed interval, widened to hold {few}: n too small for an interval of their own"
            if found is None
            else f"{note}, widened to hold {few}"
        )
    if known.problem:
        note = f"{note}; {known.problem}"
    return Interval(min(low, estimate_value), max(high, estimate_value), note, estimate_value)


@contextlib.contextmanager
def off() -> Iterator[None]:
    """Inside, :func:`interval_for` gives back what it is given: the estimator's own value and interval."""
    before = _switched_off.set(True)
    try:
        yield
    finally:
        _switched_off.reset(before)


def at_hand() -> Known:
    """The user's ledger and the shipped residuals; read again when the file has changed."""
    path = store.ledger_path()
    try:
        state = path.stat()
    except OSError:
        return _read(path, 0, 0)
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int, size: int) -> Known:  # noqa: ARG001  # the arguments are the state
    shipped = read_json(_SHIPPED_FILE, what="shipped residuals") if _SHIPPED_FILE.is_file() else {}
    try:
        own = points(store.read(path, last_bytes=_READ_BYTES).entries) if size else ()
    except FitwrightError as error:
        return Known((), shipped, problem=f"the ledger was not used: {error}")
    return Known(own, shipped)


def _nearness(group: Group) -> tuple[str, str, str, str]:
    return group.quantity, group.device, group.mode, group.method


def _note(found: Calibration) -> str:
    source = _count(found.count, "residual")
    if found.models is not None:
        source += f" of {_count(found.models, 'model')}"
    where = {
        EXACT: "on this device", ENGINE: "on this device, all precisions",
        DEVICE: "on this device, all engines", SHIPPED: "shipped, from other machines",
    }[found.level]  # fmt: skip
    note = f"{COVERAGE_PERCENT} % interval from {source}, {where}"
    return note if found.centre == 1.0 else f"{note}; value scaled by {found.centre:.3g}, their median"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
