"""The first screen: the verdict, the big numbers before and after, and the budget line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fitwright.reporting.blocks import Block, Cell, Column, Table, Text, Tile, Tiles
from fitwright.reporting.document import Report
from fitwright.reporting.wording import (
    HIGHER_IS_BETTER,
    NONE,
    SHARES,
    change,
    interval,
    number,
    show,
    signed,
    title,
)
from fitwright.spec.quantity import Quantity

_TILES = ("latency-p95", "throughput", "size", "memory")


def summary(report: Report) -> tuple[Block, ...]:
    """What stands under the headline: what binds where the budget is missed, the tiles, the budget table."""
    blocks: list[Block] = []
    if report.verdict.binding:
        blocks.append(Text(f"What binds: {report.verdict.binding}", "warning"))
    if report.verdict.nearest:
        blocks.append(Text(f"Nearest point: {report.verdict.nearest}", "warning"))
    tiles = [t for t in (_quality(report), *(_tile(report, name) for name in _TILES)) if t]
    if tiles:
        blocks.append(Tiles(tuple(tiles)))
    if report.budget:
        blocks.append(budget_table(report.budget))
    return tuple(blocks)


def metric(report: Report) -> str | None:
    """The quality metric that the report leads with: accuracy, else macro F1."""
    records = [r for r in (report.result, report.source) if r is not None]
    return next((name for name in ("accuracy", "f1") if any(r.get(name) for r in records)), None)


def _quality(report: Report) -> Tile | None:
    name = metric(report)
    tile = None if name is None else _tile(report, name)
    drop = report.result.get("drop") if report.result else None
    if tile is None or drop is None:
        return tile
    gate = next((line for line in report.budget if line["name"] == "max-drop"), None)
    allowed = gate is not None and gate["met"]
    better = None if allowed and tile.better is False else tile.better
    bounds = [signed(-b, 1) for b in (drop.high, drop.low) if b is not None]
    note = f"paired {_signed(drop, 2)}" + (f", interval {bounds[0]} to {bounds[1]}" if bounds[1:] else "")
    return replace(tile, change=_signed(drop, 1), note=note, better=better)


def _signed(drop: Quantity, digits: int) -> str:
    return signed(-drop.value, digits) + " points"


def _tile(report: Report, name: str) -> Tile | None:
    after = report.result.get(name) if report.result else None
    before = report.source.get(name) if report.source else None
    if after is None or before is None:
        only = after or before
        return None if only is None else Tile(title(name), "", show(name, only), "", interval(name, only))
    words, better = change(name, before.value, after.value)
    longest = 1.0 if name in SHARES else max(before.value, after.value) or 1.0
    note = interval(name, after)
    estimated = "estimated" in (before.origin, after.origin)
    return Tile(
        title(name) + (" (estimated)" if estimated else ""), show(name, before), show(name, after), words,
        f"interval {note}" if note else "", better, (before.value / longest, after.value / longest),
    )  # fmt: skip


def budget_table(lines: tuple[Mapping[str, Any], ...]) -> Table:
    """Every constraint as stated, its target in figures, what was measured, and whether it holds."""
    figures = (Column(name, numeric=True) for name in ("Limit", "Measured", "Room"))
    columns = (Column("Constraint"), Column("Holds"), *figures)
    return Table(columns, tuple(_budget_row(line) for line in lines), caption="The budget, line by line")


def _budget_row(line: Mapping[str, Any]) -> tuple[Cell, ...]:
    name, unit, target, measured = (line[key] for key in ("name", "unit", "target", "measured"))
    if measured is None:
        shown, room = Cell("not measured", mark="muted"), NONE
    else:
        shown = Cell(number(name, measured, unit), sort=measured)
        room = Cell(_room(name, target, measured))
    sign = "≥" if name in HIGHER_IS_BETTER else "≤"
    verdict = Cell("met", mark="yes") if line["met"] else Cell("missed", mark="no")
    limit = Cell(f"{sign} {number(name, target, unit)}", sort=target)
    return Cell(title(name), str(line["stated"])), verdict, limit, shown, room


def _room(name: str, target: float, measured: float) -> str:
    """How much of the limit is left (positive) or exceeded (negative), in percent of the limit."""
    if target == 0:
        return "–"
    share = (measured - target) / target * (1 if name in HIGHER_IS_BETTER else -1)
    return f"{signed(share * 100, 0)} %"
