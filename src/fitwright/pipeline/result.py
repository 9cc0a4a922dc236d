"""How a fit ended, as people and programs read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.core.units import format_bytes, format_rate, format_seconds
from fitwright.reporting.wording import change
from fitwright.spec.record import Record


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """The end of a fit.

    Attributes:
        met: every constraint held on the test part.
        headline: the answer in one sentence.
        binding, nearest: where it is not met: the constraint that binds, and the nearest point reached.
        budget: each constraint with ``target``, ``measured`` and ``met``.
        source, result: records on the test part, of one run.
        bundle, report: where they are.
    """

    met: bool
    headline: str
    binding: str
    nearest: str
    budget: tuple[dict[str, Any], ...]
    source: Record
    result: Record
    bundle: Path
    report: Path
    name: str
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "met": self.met, "headline": self.headline, "bundle": str(self.bundle),
            "budget": list(self.budget), "source": _side(self.source), "result": _side(self.result),
            "binding": self.binding or None, "nearest": self.nearest or None, "report": str(self.report),
            "warnings": list(self.warnings),
        }  # fmt: skip


def conclude(folder: Path, stages: dict[str, Any]) -> FitResult:
    """The result from the stages' stored JSON."""
    measured, shrink = stages["measure"], stages["shrink"]
    evaluation = measured["evaluation"]
    source, result = (
        Record.from_json({key: evaluation[side][key] for key in ("subject", "quantities", "context")})
        for side in ("source", "candidate")
    )
    name = shrink["nearest"]["name"]
    source = replace(source, subject=f"{stages['train']['best']['name']}, fine-tuned")
    result = replace(result, subject=name)
    budget = tuple(measured["budget"])
    met = all(line["met"] for line in budget)
    binding, nearest = ("", "") if met else (_binding(measured, shrink), _nearest(name, result))
    return FitResult(
        met=met, headline=_headline(source, result, name), binding=binding, nearest=nearest, budget=budget,
        source=source, result=result, bundle=folder / "bundle", report=folder / "report.html", name=name,
        warnings=tuple(evaluation.get("warnings", ())),
    )  # fmt: skip


def _binding(measured: dict[str, Any], shrink: dict[str, Any]) -> str:
    """The constraint missed by most on the test part, and why no smaller shape was tried."""
    missed = [
        (excess if excess is not None else float("inf"), line)
        for excess, line in zip(measured["excess"], measured["budget"], strict=True)
        if not line["met"]
    ]
    excess, line = max(missed, key=lambda pair: pair[0])
    text = (
        f"{line['stated']} is missed by {excess:.0%}"
        if excess != float("inf")
        else f"{line['stated']} has no measurement"
    )
    skipped = [row for row in shrink["tried"] if row["status"] == "skipped"]
    if skipped and skipped[-1] is shrink["tried"][-1]:
        text += f"; even {skipped[-1]['name']} is {skipped[-1]['reason']}"
    return text


def _nearest(name: str, result: Record) -> str:
    return (
        f"{name}: p95 {format_seconds(result['latency-p95'].value)}, "
        f"{format_rate(result['throughput'].value)}, "
        f"{format_bytes(result['size'].value)}, accuracy {result['accuracy'].value:.1%} "
        f"({-result['drop'].value:+.1f} points)"
    )


def _headline(source: Record, result: Record, name: str) -> str:
    speed, size = (change(q, source[q].value, result[q].value)[0] for q in ("latency-p95", "size"))
    drop = result["drop"].value
    quality = f"{abs(drop):.1f} points {'below' if drop > 0 else 'above'} its source"
    if abs(drop) < 0.05:
        quality = "as accurate as its source"
    return f"{name.capitalize()}: {speed}, {size}, {quality}"


def _side(record: Record) -> dict[str, Any]:
    """``quality``, ``latency_s``, ``throughput_per_s``, ``size_bytes`` as numbers, and the whole record."""
    return {
        "quality": record.value("accuracy"), "f1": record.value("f1"),
        "latency_s": record.value("latency-p95"), "latency_p50_s": record.value("latency-p50"),
        "throughput_per_s": record.value("throughput"),
        "throughput_batch1_per_s": record.value("throughput-batch1"),
        "size_bytes": _whole(record.value("size")), "memory_bytes": _whole(record.value("memory")),
        "record": record.as_json(),
    }  # fmt: skip


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def before_after(result: FitResult) -> list[tuple[str, str, str, str]]:
    """Rows of the before/after table: name, before, after, change."""
    before, after = result.source, result.result
    rows = []
    for name, title, show in (
        ("accuracy", "accuracy", lambda v: f"{v:.1%}"),
        ("latency-p50", "latency p50", format_seconds),
        ("latency-p95", "latency p95", format_seconds),
        ("throughput-batch1", "rows/s, batch 1", format_rate),
        ("throughput", "rows/s, batch 32", format_rate),
        ("size", "size", format_bytes),
        ("memory", "memory (process)", format_bytes),
    ):
        old, new = before.value(name), after.value(name)
        if old is None or new is None:
            continue
        rows.append((title, show(old), show(new), _change(name, old, new, after)))
    return rows


def _change(name: str, old: float, new: float, after: Record) -> str:
    if name == "accuracy":
        drop = after["drop"]
        moved, low, high = (round(-(v or 0.0), 1) + 0.0 for v in (drop.value, drop.high, drop.low))
        return f"{moved:+.1f} points ({low:+.1f} to {high:+.1f})"
    return change(name, old, new)[0]


def conditions(result: FitResult) -> str:
    """One line on how both sides were measured."""
    old, new = result.source.context, result.result.context
    return (
        f"measured side by side on {new.get('rows', 0):,} test rows, {new.get('threads')} threads: source in "
        f"{old.get('engine')} {old.get('precision')}, result in {new.get('engine')} {new.get('precision')}"
    )
