"""Entries for tests, as a measurement would write them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from fitwright.sizing.ledger.entry import Entry, Span
from fitwright.sizing.ledger.residuals import Group

GROUP = Group(
    quantity="latency", device="Two Cores", device_kind="cpu", mode="infer", engine="torch", precision="fp32"
)


def entry(residual: float = 0.0, **more: object) -> Entry:
    """An estimate of 10 ms that was off by ``exp(residual)``."""
    told = Span(value=0.010, low=0.004, high=0.030)
    seconds = told.value * math.exp(residual)
    known = {
        "when": "2026-11-20T12:00:00+00:00", "quantity": GROUP.quantity, "unit": "s", "device": GROUP.device,
        "device_kind": GROUP.device_kind, "mode": GROUP.mode, "engine": GROUP.engine,
        "precision": GROUP.precision, "model": "acme/one", "batch": 1, "seq": 32, "threads": 2,
        "estimated": told, "measured": Span(value=seconds, low=seconds, high=seconds), "source": "evaluate",
    }  # fmt: skip
    return Entry(**{**known, **more})  # type: ignore[arg-type]


def entries(
    count: int, models: int, *, bias: float = 0.0, spread: float = 0.1, **more: object
) -> list[Entry]:
    """``count`` different points, shared out among ``models`` models; a fixed seed."""
    drawn = random.Random(count)  # noqa: S311
    return [
        entry(drawn.gauss(bias, spread), model=f"acme/{number % models}", seq=16 + number, **more)
        for number in range(count)
    ]


def draws(seed: int) -> Iterator[float]:
    """Residuals without end, skewed and with heavy tails: no interval of a bell curve would do."""
    drawn = random.Random(seed)  # noqa: S311
    while True:
        yield 0.1 * drawn.gauss(0, 1) + 0.05 * drawn.expovariate(1)
