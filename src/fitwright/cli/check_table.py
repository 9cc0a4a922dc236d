"""``fitwright check-table``: a published table of model figures, judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fitwright.sizing.checking.report import Report


def check_table(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A Markdown, HTML, CSV or TSV file with a table.")
    ],
    format: Annotated[str, typer.Option(help="terminal, markdown, json, csv or html.")] = "terminal",
    as_json: Annotated[
        bool, typer.Option("--json", help="The wrong cells as a JSON list; the same as --format json.")
    ] = False,
) -> None:
    """Judge a table of model figures that somebody published: which cells are wrong, and by how much.

    Works from the packaged catalogue. Headings may be English or Chinese. Notes say what was not judged, and
    why. Exit code 1: a cell is wrong.

    Example: fitwright check-table README.md --json
    """
    from fitwright.api import check_table as verb
    from fitwright.cli.console import Bars, print_json, print_text
    from fitwright.core.errors import UsageError
    from fitwright.reporting import tables

    if as_json and format not in ("terminal", "json"):
        raise UsageError("--json and --format contradict each other", got=format, mend="Give one of them.")
    if format not in tables.FORMATS:
        raise UsageError("unknown table format", got=format, allowed=", ".join(tables.FORMATS))
    report: Report = verb.check_table(file)
    if as_json or format == "json":
        print_json(report.as_json())
    elif format == "terminal":
        print_text(_terminal(report))
    else:
        print_text(tables.render(report.wrong, verb.columns(report, full=True), format))
    if as_json or format != "terminal":
        bars = Bars()
        for note in report.notes:
            bars.say(f"note: {note}")
    if not report.passed:
        raise typer.Exit(1)


def _terminal(report: Report) -> str:
    """The table, why each figure is wrong, where the right one comes from, notes, and the verdict."""
    from fitwright.api import check_table as verb
    from fitwright.cli.console import fitted_table

    blocks: list[str] = []
    left_out: list[str] = []
    if report.wrong:
        table, left_out = fitted_table(report.wrong, verb.columns(report))
        blocks.append(table)
        sources = dict.fromkeys(wrong.source for wrong in report.wrong)
        blocks.append("Right values:\n" + "\n".join(f"  {source}" for source in sources))
        reasons = dict.fromkeys(
            f"  {wrong.model}, {wrong.stated}: {wrong.note}" for wrong in report.wrong if wrong.note
        )
        if reasons:
            blocks.append("Where wrong ones come from:\n" + "\n".join(reasons))
    if report.notes:
        blocks.append("Notes:\n" + "\n".join(f"  {note}" for note in report.notes))
    count = len(report.wrong)
    verdict = f"{count} {'is' if count == 1 else 'are'} wrong" if count else "none is wrong"
    if not report.judged:
        verdict = "nothing could be judged"
    rows = f"{report.known} of {report.rows} rows"
    blocks.append("\n".join([*left_out, f"{report.judged} figures in {rows} judged: {verdict}."]))
    return "\n\n".join(blocks)
