"""Entries as residuals: which belong together, and one point where a measurement was repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp

from fitwright.sizing.ledger.entry import DEFAULT_METHOD, Entry
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Group:
    """Estimates that err alike: one quantity, device, mode, engine, precision and method of estimating.

    Attributes:
        device: its name, cores included where they matter; ``device_kind``: ``cpu``, ``gpu`` or ``npu``.
        engine, precision: empty where they have no meaning.
        method: how the estimate is made; residuals of another method say nothing about this one.
    """

    quantity: str
    device: str
    device_kind: str
    mode: str
    engine: str = ""
    precision: str = ""
    method: str = DEFAULT_METHOD

    @classmethod
    def of(cls, entry: Entry) -> Group:
        """The group that an entry belongs to."""
        return cls(
            quantity=entry.quantity, device=entry.device, device_kind=entry.device_kind, mode=entry.mode,
            engine=entry.engine, precision=entry.precision, method=entry.method,
        )  # fmt: skip

    @classmethod
    def asked(
        cls,
        quantity: str,
        device: Device,
        workload: Workload,
        *,
        engine: str = "torch",
        method: str = DEFAULT_METHOD,
    ) -> Group:
        """The group of an estimate of ``quantity`` that is about to be made."""
        return cls(
            quantity=quantity, device=device.name, device_kind=device.kind, mode=workload.mode, engine=engine,
            precision=workload.precision, method=method,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Point:
    """One model under one workload, however often it was measured; repeats are not independent.

    Attributes:
        model: what tells models apart: the shape, or the name where no shape was kept.
        residual: log(measured ÷ raw estimate), median of the repeats; intervals are made of it.
        told_residual: log(measured ÷ estimate as it was told), likewise; the error table shows it.
        held: share of the repeats that lay in the interval that was told.
        repeats: how many they are.
    """

    group: Group
    model: str
    batch: int
    seq: int
    residual: float
    told_residual: float
    held: float
    repeats: int

    @property
    def error(self) -> float:
        """(estimate − measured) ÷ measured: positive where the estimate was too high."""
        return exp(-self.told_residual) - 1.0


def points(entries: Iterable[Entry]) -> tuple[Point, ...]:
    """Entries with the repeats of a point put together; disturbed measurements are left out.

    A point is one model, workload, thread count and group.
    """
    together: dict[tuple[Group, str, int, int, int | None], list[Entry]] = {}
    for entry in entries:
        if not entry.disturbed:
            key = (Group.of(entry), entry.shape or entry.model, entry.batch, entry.seq, entry.threads)
            together.setdefault(key, []).append(entry)
    return tuple(
        Point(
            group=group, model=model, batch=batch, seq=seq, repeats=len(same),
            residual=median(e.residual for e in same),
            told_residual=median(e.told_residual for e in same),
            held=sum(e.held for e in same) / len(same),
        )
        for (group, model, batch, seq, _), same in together.items()
    )  # fmt: skip


def nearest_rank(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least ``percent`` of ``values`` do not exceed (nearest-rank percentile)."""
    return sorted(values)[max(0, -(-percent * len(values) // 100) - 1)]


def median(values: Iterable[float]) -> float:
    """The middle value, or the mean of the two middle ones (``statistics`` would cost every start 8 ms)."""
    ordered = sorted(values)
    middle, odd = divmod(len(ordered), 2)
    return ordered[middle] if odd else (ordered[middle - 1] + ordered[middle]) / 2
