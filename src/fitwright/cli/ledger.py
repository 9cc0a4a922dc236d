"""``fitwright ledger``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fitwright.api.ledger import ErrorTable


def ledger(
    device: Annotated[str | None, typer.Option(help="Part of a device's name, or cpu, gpu, npu.")] = None,
    mode: Annotated[str | None, typer.Option(help="infer or train.")] = None,
    quantity: Annotated[
        str | None, typer.Option(help="latency, latency-p95, throughput, memory-process, size, …")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Part of a model's name.")] = None,
    since: Annotated[
        str | None, typer.Option(help="A date such as 2026-11-01, or an age such as 12h, 7d, 2w.")
    ] = None,
    points: Annotated[bool, typer.Option("--points", help="List the single entries.")] = False,
    format: Annotated[str, typer.Option(help="terminal, markdown, json, csv or html.")] = "terminal",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove the entries that the filters choose; without any, all.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Clear without asking.")] = False,
) -> None:
    """Show how far the estimates were off: each one made here beside its measurement.

    Nothing of it leaves this machine. The intervals of new estimates come from these errors.

    Example: fitwright ledger --quantity latency --since 30d
    """
    from fitwright.api import ledger as verb
    from fitwright.cli.console import print_json, print_text
    from fitwright.core.errors import UsageError
    from fitwright.reporting import tables

    if as_json and format not in ("terminal", "json"):
        raise UsageError("--json and --format contradict each other", got=format, mend="Give one of them.")
    if format not in tables.FORMATS:
        raise UsageError("unknown table format", got=format, allowed=", ".join(tables.FORMATS))
    if yes and not clear:
        raise UsageError("--yes answers the question that --clear asks", mend="Add --clear, or leave it out.")
    choice: dict[str, Any] = {
        "device": device, "mode": mode, "quantity": quantity, "model": model, "since": since,
    }  # fmt: skip
    found = verb.ledger(**choice)
    if clear:
        _clear(found, choice, ask=not yes, as_json=as_json or format == "json")
        return
    if as_json or format == "json":
        print_json(found.as_json(points=points))
        return
    print_text(_shown(found, format, points=points))


def _clear(found: ErrorTable, choice: dict[str, Any], *, ask: bool, as_json: bool) -> None:
    from fitwright.api import ledger as verb
    from fitwright.cli.console import print_json, print_text

    count = len(found.entries)
    agreed = not ask or not count or _agrees(found, count)
    removed = verb.clear_ledger(**choice) if agreed and count else 0
    if as_json:
        print_json({"removed": removed})
    else:
        print_text(f"{removed} {'entry' if removed == 1 else 'entries'} removed.")


def _agrees(found: ErrorTable, count: int) -> bool:
    from fitwright.core.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("--clear asks first, and nobody can answer here", mend="Add --yes.")
    what = f"all {count}" if count == found.total else f"{count} of the {found.total}"
    question = f"Remove {what} entries of {found.path}? They cannot be brought back. [y/N]: "
    print(question, end="", file=sys.stderr, flush=True)  # typer.confirm would write to stdout
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _shown(found: ErrorTable, format: str, *, points: bool) -> str:
    """The table; for people with what its columns mean below it."""
    from fitwright.api.ledger import HOW_TO_FILL
    from fitwright.reporting import ledger as shape
    from fitwright.reporting import tables

    if format == "terminal" and not found.entries:
        empty = HOW_TO_FILL if not found.total else "No entry of the ledger passes these filters."
        return "\n".join(filter(None, (empty, found.skipped)))
    rows: Any = found.entries if points else found.groups
    known: Any = shape.entry_columns() if points else shape.group_columns()
    keys = shape.ENTRY_COLUMNS if points else shape.default_columns(found.groups)
    columns = shape.machine_columns(known) if format == "csv" else tables.choose(known, keys)
    table = tables.render(rows, columns, format)
    return table if format != "terminal" else "\n".join((table, "", *_footnotes(found, points=points)))


def _footnotes(found: ErrorTable, *, points: bool) -> list[str]:
    """Where and what it was measured on, what is not shown, and what the columns mean."""
    from fitwright.sizing.ledger.intervals import FEWEST_MODELS

    devices = sorted({row.group.device for row in found.groups})
    modes = sorted({row.group.mode for row in found.groups})
    count = len(found.entries)
    of = "" if count == found.total else f" of {found.total}"
    entries = f"{count}{of} {'entry' if found.total == 1 else 'entries'} in {found.path}"
    lines = [f"{'; '.join(devices)}; mode {', '.join(modes)}; {entries}"]
    disturbed = sum(row.disturbed for row in found.groups)
    if disturbed:
        lines.append(
            f"{disturbed} disturbed by other work: listed by --points, left out of errors and intervals."
        )
    if not points:
        lines += [
            "Median, p90, worst: |estimate − measurement| ÷ measurement; bias above 0: estimated too high.",
            "Held: measurements inside the interval told beforehand; left out: inside one made of the errors",
            "of the other models alone. Both aim at 90 %. Interval: factors on the next estimate, and whose",
            f"errors they are; assumed: n too small (fewer than 9 points, or than {FEWEST_MODELS} models).",
        ]
    return [*lines, *filter(None, (found.skipped,))]
