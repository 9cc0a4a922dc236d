"""The data behind the numbers and everything a rebuild needs: commands, lock, versions, hardware, times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fitwright.core.units import format_bytes, format_seconds
from fitwright.reporting.blocks import (
    Block,
    Bullets,
    Cell,
    Code,
    Column,
    Folded,
    Section,
    Table,
    Text,
)
from fitwright.reporting.document import Report
from fitwright.reporting.sections.measurements import plain_text

_LONG = frozenset({"versions", "made_from", "settings", "engines"})
_TITLES = {
    "made_at": "Made at", "cores": "Usable cores", "memory_bytes": "Memory", "sha256": "SHA-256",
    "fingerprint": "Fingerprint", "data_fingerprint": "Data fingerprint",
}  # fmt: skip


def data(report: Report) -> Section | None:
    """The data profile, warnings first."""
    if report.data is None:
        return None
    blocks: list[Block] = []
    if report.data.warnings:
        blocks.append(Bullets(report.data.warnings, "warning"))
    told = {f"warning: {text}" for text in report.data.warnings}
    lines = tuple(line for line in report.data.lines if line not in told)
    if lines:
        blocks.append(Bullets(lines))
    facts = _facts("", report.data.facts)
    if facts:
        blocks.append(Folded("All figures of the data profile", (_fact_table(facts, ""),)))
    return Section("data", "The data", tuple(blocks), short="Data") if blocks else None


def rebuild(report: Report) -> Section | None:
    """Commands, lock file, stages with their wall time, provenance."""
    blocks: list[Block] = []
    if report.commands:
        blocks += [Text("Run these lines to build the same thing again:"), Code(report.commands)]
    if report.lock_file:
        blocks.append(Text(f"Exact versions of all packages: {report.lock_file}, beside this report."))
    if report.stages:
        blocks.append(_stages(report))
    versions = report.provenance.get("versions")
    facts = _facts("", {k: v for k, v in report.provenance.items() if k not in _LONG})
    if facts:
        blocks.append(_fact_table(facts, "Where and with what it was made"))
    for key in ("made_from", "settings", "engines"):
        part = report.provenance.get(key)
        rows_of = _facts("", part) if isinstance(part, Mapping) else []
        if rows_of:
            blocks.append(Folded(key.replace("_", " ").capitalize(), (_fact_table(rows_of, ""),)))
    if isinstance(versions, Mapping) and versions:
        rows = tuple((Cell(str(name)), Cell(str(version))) for name, version in versions.items())
        table = Table((Column("Package"), Column("Version")), rows)
        blocks.append(Folded("Package versions", (table,)))
    return Section("rebuild", "How to rebuild it", tuple(blocks), short="Rebuild") if blocks else None


def _stages(report: Report) -> Table:
    columns = (Column("Stage"), Column("Wall time", numeric=True), Column("In this run"))
    rows = [
        (
            Cell(stage.name), Cell(format_seconds(stage.seconds), sort=stage.seconds),
            Cell("taken over from an earlier run" if stage.resumed else "done"),
        )
        for stage in report.stages
    ]  # fmt: skip
    total = sum(stage.seconds for stage in report.stages)
    rows.append((Cell("All stages"), Cell(format_seconds(total), sort=total), Cell("")))
    return Table(columns, tuple(rows), "Stages and their wall time", strong=len(rows) - 1)


def _facts(prefix: str, value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(_walk(prefix, value))


def _walk(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = _TITLES.get(str(key), str(key).replace("_", " ").capitalize() if not prefix else str(key))
        full = f"{prefix}, {name}" if prefix else name
        if isinstance(item, Mapping):
            yield from _walk(full, item)
        elif str(key).endswith("_bytes") and isinstance(item, int | float):
            yield full.removesuffix("_bytes"), format_bytes(item)
        elif item not in (None, "", [], ()):
            yield full, plain_text(item)


def _fact_table(facts: list[tuple[str, str]], caption: str) -> Table:
    rows = tuple((Cell(name), Cell(text)) for name, text in facts)
    return Table((Column("What"), Column("Value", wide=True)), rows, caption)
