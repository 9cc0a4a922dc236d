"""Numbers and standard names as a reader sees them. The only place of the report that formats a quantity."""

from __future__ import annotations

import re
from collections.abc import Callable

from fitwright.core.units import format_bytes, format_count, format_rate, format_seconds
from fitwright.reporting.blocks import Cell
from fitwright.spec.quantity import Quantity

TITLES = {
    "parameters": "Parameters",
    "size": "Size on disk",
    "latency-p50": "Latency p50",
    "latency-p95": "Latency p95",
    "throughput": "Throughput",
    "throughput-batch1": "Throughput, batch 1",
    "memory": "Peak memory",
    "accuracy": "Accuracy",
    "f1": "Macro F1",
    "drop": "Quality drop",
    "max-drop": "Quality drop",
    "price": "Price",
}
SHARES = frozenset({"accuracy", "f1", "macro-f1", "precision", "recall", "quality"})
HIGHER_IS_BETTER = SHARES | {"throughput", "throughput-batch1"}
NONE = Cell("–", mark="muted")


def title(name: str) -> str:
    """``latency-p95`` → ``Latency p95``."""
    return TITLES.get(name, name.replace("-", " ").capitalize())


def number(name: str, value: float, unit: str) -> str:
    """One value of the quantity ``name`` in words, for example ``3.10 ms``, ``84.6 %``, ``0.6 points``."""
    if name in SHARES:
        return f"{value * 100:.1f} %"
    if unit == "1":
        return format_count(value) if abs(value) >= 1000 else f"{value:g}"
    if unit == "points":
        return f"{minus(f'{value:.2f}')} points"
    scaled: dict[str, Callable[[float], str]] = {"B": format_bytes, "s": format_seconds, "1/s": format_rate}
    if unit in scaled:
        return scaled[unit](value)
    return f"{value:.4g} {unit}" if abs(value) < 1000 else f"{format_count(value)} {unit}"


def minus(text: str) -> str:
    """The typographic minus sign in front of a negative number; none in front of a rounded zero."""
    if not text.startswith("-"):
        return text
    return f"−{text[1:]}" if re.search("[1-9]", text) else text[1:]


def show(name: str, quantity: Quantity) -> str:
    """The value alone, an estimate marked by ``≈``."""
    sign = "≈ " if quantity.origin == "estimated" else ""
    return sign + number(name, quantity.value, quantity.unit)


def interval(name: str, quantity: Quantity) -> str:
    """``2.90 – 3.40 ms``, ``−0.34 to 1.57 points``; empty where the quantity has none."""
    if quantity.low is None or quantity.high is None or quantity.origin in ("exact", "published"):
        return ""
    low, high = (number(name, v, quantity.unit) for v in (quantity.low, quantity.high))
    low_number, _, low_unit = low.rpartition(" ")
    if low_number and high.endswith(f" {low_unit}"):
        low = low_number
    return f"{low} to {high}" if low.startswith("−") else f"{low} – {high}"


def cell(name: str, quantity: Quantity | None) -> Cell:
    """The quantity as a table cell: value, interval below it, estimates marked."""
    if quantity is None:
        return NONE
    mark = "estimated" if quantity.origin == "estimated" else ""
    return Cell(show(name, quantity), interval(name, quantity), "estimated" if mark else "", quantity.value)


def change(name: str, before: float, after: float) -> tuple[str, bool | None]:
    """The step from ``before`` to ``after`` in words, and whether it is for the better (``None``: the same).

    ``("4.6× faster", True)`` for a latency, ``("0.6 points lower", False)`` for an accuracy.
    """
    up = after > before
    if after == before:
        return "the same", None
    better = up == (name in HIGHER_IS_BETTER)
    if name in SHARES:
        return f"{abs(after - before) * 100:.1f} points {'higher' if up else 'lower'}", better
    if min(before, after) <= 0:
        return ("more" if up else "less"), better
    ratio = f"{max(before, after) / min(before, after):.1f}×"
    words = {
        "latency-p50": ("faster", "slower"),
        "latency-p95": ("faster", "slower"),
        "throughput": ("more", "less"),
        "throughput-batch1": ("more", "less"),
        "size": ("smaller", "larger"),
        "memory": ("less", "more"),
        "parameters": ("fewer", "more"),
    }.get(name, ("better", "worse"))
    return f"{ratio} {words[0] if better else words[1]}", better


def percent(share: float | None) -> str:
    """A signed percentage, ``+12 %``; a dash where there is none."""
    if share is None:
        return "–"
    digits = 0 if abs(share) >= 0.0995 else 1
    return f"{signed(share * 100, digits)} %"


def signed(value: float, digits: int) -> str:
    """``+0.6``, ``−1.2``; a rounded zero has no sign."""
    text = f"{value:+.{digits}f}"
    return minus(text) if re.search("[1-9]", text) else text[1:]


def cut(text: str, limit: int) -> str:
    """``text`` on one line and at most ``limit`` characters, the end replaced by ``…``."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
