"""The ledger as tables: the errors of the estimates by group, and the single entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fitwright.reporting.tables import Column, shorten
from fitwright.reporting.wording import minus, number
from fitwright.sizing.ledger.conformal import Calibration
from fitwright.sizing.ledger.entry import Entry, Span
from fitwright.sizing.ledger.summary import GroupErrors

ENTRY_COLUMNS = (
    "when", "source", "quantity", "model", "mode", "engine", "precision", "batch", "seq", "estimate",
    "measurement", "error", "held", "disturbed",
)  # fmt: skip
_NAME_WIDTH = 28
_FOR_PEOPLE = ("estimate", "measurement", "interval", "left-out-of")
"""Columns for people alone: their parts are columns of their own where a program reads."""


def group_columns() -> tuple[Column[GroupErrors], ...]:
    """Every column of the error table. Errors and coverages are shares, the interval's ends are factors."""

    def named(key: str, title: str) -> Column[GroupErrors]:
        return Column(
            key=key, title=title, value=lambda row: getattr(row.group, key.replace("-", "_")) or None
        )

    def counted(key: str, title: str) -> Column[GroupErrors]:
        return Column(
            key=key, title=title, value=lambda row: getattr(row, key.replace("-", "_")), numeric=True
        )

    def share(key: str, title: str, text: Callable[[float], str]) -> Column[GroupErrors]:
        return Column(
            key=key, title=title, value=lambda row: getattr(row, key.replace("-", "_")), text=text,
            numeric=True,
        )  # fmt: skip

    def in_force(key: str, title: str, name: str) -> Column[GroupErrors]:
        return Column(
            key=key, title=title, numeric=True,
            value=lambda row: None if row.calibration is None else getattr(row.calibration, name),
        )  # fmt: skip

    return (
        named("quantity", "Quantity"),
        Column(
            key="device", title="Device", value=lambda row: row.group.device,
            text=lambda name: shorten(name, _NAME_WIDTH),
        ),
        named("device-kind", "Kind"), named("mode", "Mode"), named("engine", "Engine"),
        named("precision", "Precision"), named("method", "Method"),
        counted("points", "Points"), counted("models", "Models"), counted("entries", "Entries"),
        counted("disturbed", "Disturbed"),
        share("median-error", "Median", percent), share("p90-error", "p90", percent),
        share("worst-error", "Worst", percent), share("bias", "Bias", signed_percent),
        share("held", "Held", whole_percent), share("left-out", "Left out", whole_percent),
        counted("left-out-points", "Of"),
        Column(key="left-out-of", title="Left out", value=_left_out, numeric=True),
        in_force("low", "Low", "low"), in_force("value", "Value", "centre"), in_force("high", "High", "high"),
        Column(key="interval", title="Interval", value=lambda row: row.calibration, text=_factors),
        Column(
            key="from", title="From",
            value=lambda row: "assumed" if row.calibration is None else row.calibration.level,
        ),
    )  # fmt: skip


def default_columns(rows: Sequence[GroupErrors]) -> tuple[str, ...]:
    """The keys that tell the rows apart and say how good the estimates are."""
    different = {
        "device": {row.group.device for row in rows},
        "mode": {row.group.mode for row in rows},
        "method": {row.group.method for row in rows},
    }
    return (
        "quantity", *(key for key, values in different.items() if len(values) > 1), "engine", "precision",
        "points", "models", "median-error", "p90-error", "worst-error", "bias", "held", "left-out-of",
        "interval", "from",
    )  # fmt: skip


def entry_columns() -> tuple[Column[Entry], ...]:
    """Every column of single entries; numbers in SI."""
    from math import exp

    def plain(key: str, title: str, *, numeric: bool = False) -> Column[Entry]:
        return Column(key=key, title=title, value=lambda e: getattr(e, key) or None, numeric=numeric)

    def part(key: str, span: str, name: str) -> Column[Entry]:
        def read(entry: Entry) -> Any:
            return getattr(getattr(entry, span), name)

        return Column(key=key, title=key.replace("-", " ").capitalize(), value=read, numeric=True)

    def name(key: str, title: str) -> Column[Entry]:
        return Column(
            key=key, title=title, value=lambda e: getattr(e, key),
            text=lambda value: shorten(value, _NAME_WIDTH),
        )  # fmt: skip

    return (
        Column(
            key="when", title="When", value=lambda e: e.when, text=lambda when: when[:16].replace("T", " ")
        ),
        plain("source", "By"), plain("quantity", "Quantity"), name("model", "Model"),
        name("device", "Device"), plain("mode", "Mode"), plain("engine", "Engine"),
        plain("precision", "Precision"), plain("batch", "Batch", numeric=True),
        plain("seq", "Seq", numeric=True), plain("threads", "Threads", numeric=True),
        plain("method", "Method"), plain("unit", "Unit"),
        part("estimated", "estimated", "value"), part("estimated-low", "estimated", "low"),
        part("estimated-high", "estimated", "high"), part("measured", "measured", "value"),
        part("measured-low", "measured", "low"), part("measured-high", "measured", "high"),
        Column(
            key="estimate", title="Estimated", value=lambda e: f"~{spanned(e, e.estimated)}", numeric=True
        ),
        Column(
            key="measurement", title="Measured", numeric=True,
            value=lambda e: number(e.quantity, e.measured.value, e.unit),
        ),
        Column(
            key="error", title="Error", value=lambda e: exp(-e.told_residual) - 1, text=signed_percent,
            numeric=True,
        ),
        Column(key="held", title="Held", value=lambda e: e.held, text=lambda held: "yes" if held else "no"),
        Column(
            key="disturbed", title="Disturbed", value=lambda e: e.disturbed,
            text=lambda value: "yes" if value else "",
        ),
    )  # fmt: skip


def machine_columns(columns: Sequence[Column[Any]]) -> tuple[Column[Any], ...]:
    """All columns but those that only put others into words."""
    return tuple(column for column in columns if column.key not in _FOR_PEOPLE)


def spanned(entry: Entry, span: Span) -> str:
    """``12.0 ms (4.00 ms to 36.0 ms)``."""
    value, low, high = (number(entry.quantity, v, entry.unit) for v in (span.value, span.low, span.high))
    return f"{value} ({low} to {high})"


def percent(value: float) -> str:
    """``0.123`` → ``12 %``; below a tenth with a digit more."""
    return f"{100 * value:.1f} %" if abs(value) < 0.0995 else f"{100 * value:,.0f} %"


def whole_percent(value: float) -> str:
    """``0.917`` → ``92 %``; never rounded up to all."""
    return f"{min(99, round(100 * value)) if value < 1 else 100} %"


def signed_percent(value: float) -> str:
    """``-0.08`` → ``−8.0 %``, ``0.5`` → ``+50 %``."""
    text = percent(abs(value))
    return text if text == "0.0 %" else minus(f"{'-' if value < 0 else '+'}{text}")


def _left_out(row: GroupErrors) -> str | None:
    return None if row.left_out is None else f"{whole_percent(row.left_out)} of {row.left_out_points}"


def _factors(found: Calibration) -> str:
    return f"×{found.low:.2f} – ×{found.high:.2f}"
