"""An estimate as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fitwright.core.units import format_bytes, format_count, format_flops, format_rate, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitwright.sizing.comparison import Row
    from fitwright.sizing.run_plan import PlannedRun
    from fitwright.spec.quantity import Quantity

_TITLE_WIDTH = 22
_DAY_S = 86_400
_SHOWN = 8
_PART_TITLES = {
    "weights": "weights", "gradients": "gradients", "optimiser": "optimiser state",
    "activations": "activations", "logits": "logits", "kv_cache": "key-value cache",
    "workspace": "workspace, holes", "context": "libraries, context",
}  # fmt: skip


def lines(row: Row) -> Iterator[str]:
    """What ``fitwright estimate`` prints."""
    work = row.workload
    what = "one forward pass" if work.mode == "infer" else f"one training step ({work.optimiser})"
    yield f"{row.spec.id} ({row.spec.architecture}) on {row.device.name}"
    rows = "images" if row.spec.kind in ("vision", "cnn") else f"{work.seq} tokens"
    yield f"{what}, batch {work.batch}, {rows}, {work.precision}, {work.attention} attention"
    yield ""
    yield from _facts(row)
    yield ""
    yield from _memory(row)
    yield ""
    yield from _verdict(row)
    if row.run is not None:
        yield ""
        yield from _run(row.run)
    for assumption in row.record.context["assumptions"]:
        yield f"note: {assumption}"


def _facts(row: Row) -> Iterator[str]:
    record = row.record
    parts = record.value("non-embedding")
    rest = "" if parts is None else f"  ({format_count(parts)} without the input embedding)"
    yield _line("parameters", f"{row.spec.parameters:,}{rest}")
    active = record.get("active")
    if active is not None:
        yield _line("active a token", _interval(active, format_count))
    for name, title in (("flops", "FLOPs, forward"), ("flops-training-step", "FLOPs, training step")):
        flops = record.value(name)
        yield _line(title, "unknown" if flops is None else f"{format_flops(flops)} a batch")
    latency = record.get("latency")
    yield _line("latency of a batch", "unknown" if latency is None else _interval(latency, format_seconds))
    if latency is not None:
        yield _line("throughput", f"~{format_rate(work_rows(row) / latency.value)} rows")


def work_rows(row: Row) -> int:
    """Rows that one latency is about."""
    return row.workload.batch


def _memory(row: Row) -> Iterator[str]:
    record = row.record
    if record.get("memory-process") is None:
        yield _line("memory", "unknown")
        return
    for name in ("allocated", "reserved", "process"):
        quantity = record.get(f"memory-{name}")
        if quantity is not None:
            yield _line(f"memory, {name}", _interval(quantity, format_bytes))
    instant = record.context.get("instant")
    yield f"  at the worst moment{f' ({instant})' if instant else ''}:"
    for part, title in _PART_TITLES.items():
        size = record.value(f"memory-{part}")
        if size:
            yield f"    {title:<20}{format_bytes(size):>10}"


def _verdict(row: Row) -> Iterator[str]:
    capacity = row.device.memory_bytes
    of = "its memory is unknown" if capacity is None else f"of {format_bytes(capacity)}"
    yield _line("verdict", f"{row.verdict} ({of})")
    if row.largest_batch is not None:
        yield _line("largest batch", "none fits" if row.largest_batch == 0 else f"{row.largest_batch} rows")
    shown, more = (row.suggestions or ())[:_SHOWN], len(row.suggestions or ()) - _SHOWN
    for suggestion in shown:
        yield (
            f"  saves {format_bytes(suggestion.saves_bytes):>9}: {suggestion.change} ({suggestion.option}); "
            f"costs {suggestion.costs}"
        )
    if more > 0:
        yield f"  and {more} more: --json"


def _run(run: PlannedRun) -> Iterator[str]:
    cost, plan = run.cost, run.plan
    yield f"run of {format_count(plan.tokens)} tokens on {plan.devices:,} devices"
    yield _line("FLOPs", format_flops(cost.flops.value))
    days = [(value or 0.0) / _DAY_S for value in (cost.duration.value, cost.duration.low, cost.duration.high)]
    yield _line(
        "time",
        f"~{days[0]:.3g} days  ({days[1]:.3g} to {days[2]:.3g}), {cost.device_hours:,.0f} device-hours",
    )
    if cost.energy_kwh is not None:
        yield _line("energy", f"~{cost.energy_kwh:,.0f} kWh")
    for title, price in (("price of devices", cost.device_price), ("price of energy", cost.energy_price)):
        if price is not None:
            yield _line(title, f"~${price.value:,.0f}")
    if run.claim is not None:
        yield _line("claim", f"{'agrees' if run.claim.consistent else 'WRONG'}: {run.claim.reason}")
    for assumption in cost.assumptions:
        yield f"note: {assumption}"


def _line(title: str, text: str) -> str:
    return f"{title:<{_TITLE_WIDTH}}{text}"


def _interval(quantity: Quantity, text: Callable[[float], str]) -> str:
    low, high = quantity.low, quantity.high
    if low is None or high is None:
        return text(quantity.value)
    return f"~{text(quantity.value)}  ({text(low)} to {text(high)})"
