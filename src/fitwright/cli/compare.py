"""``fitwright compare``: models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fitwright.reporting.tables import Column
    from fitwright.sizing.comparison import Row


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODELS...", help="Catalogue names, config.json files, model directories or ids."
        ),
    ],
    mode: Annotated[str, typer.Option(help="infer (a forward pass) or train (an optimiser step).")] = "infer",
    batch: Annotated[int, typer.Option(help="Rows in a batch.")] = 1,
    seq: Annotated[
        int | None, typer.Option(help="Tokens in a row; 128, or a model's maximum where that is less.")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, tf32, bf16, fp16, int8 or int4.")] = "fp32",
    device: Annotated[
        str | None,
        typer.Option(help="cpu (this machine), cuda:N, auto, or a listed device, such as a100-80gb."),
    ] = None,
    format: Annotated[str, typer.Option(help="terminal, markdown, json, csv or html.")] = "terminal",
    as_json: Annotated[
        bool, typer.Option("--json", help="Full rows as JSON; the same as --format json.")
    ] = False,
    sort: Annotated[
        str | None, typer.Option(help="Column to sort by; with '-' in front, largest first.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option("--filter", help="Rows to keep, such as 'parameters<200M,memory<2GB,verdict=fits'."),
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to show, separated by commas.")] = None,
) -> None:
    """Compare models: sizes, exact parameter counts, and first estimates of memory and latency.

    Works from the packaged catalogue: nothing is downloaded, torch is not needed. A '~' marks an estimate.

    Example: fitwright compare bert-base roberta-base t5-small --batch 8 --seq 256 --sort parameters
    """
    from fitwright.api import compare as verb
    from fitwright.cli.console import print_json, print_text
    from fitwright.core.errors import UsageError
    from fitwright.reporting import filters, tables

    if as_json and format not in ("terminal", "json"):
        raise UsageError("--json and --format contradict each other", got=format, mend="Give one of them.")
    rows: Sequence[Row] = verb.compare(
        names, mode=mode, batch=batch, seq=seq, precision=precision, device=device
    )
    known = verb.columns(rows)
    keys = verb.DEFAULT_COLUMNS if columns is None else [key.strip() for key in columns.split(",")]
    shown = tables.choose(known, keys)
    if keep is not None:
        rows = filters.keep(rows, known, keep)
    if sort is not None:
        rows = tables.sort(rows, known, sort)
    if as_json or format == "json":
        print_json([row.as_json() for row in rows])
        return
    if format != "terminal":
        print_text(tables.render(rows, shown, format))
        return
    print_text(_page(rows, shown, fitting=columns is None))


def _page(rows: Sequence[Row], shown: Sequence[Column[Row]], *, fitting: bool) -> str:
    """The table with its footnotes; ``fitting``: columns may go so that it fits the terminal."""
    from fitwright.cli.console import fitted_table
    from fitwright.reporting import tables

    if not fitting:
        return "\n".join([tables.terminal(rows, shown), "", *_footnotes(rows)])
    table, left_out = fitted_table(rows, shown, "A wider terminal, --columns or --format has them.")
    return "\n".join([table, "", *_footnotes(rows), *left_out])


def _footnotes(rows: Sequence[Row]) -> list[str]:
    """What the estimates are about, how far to trust them, and what was left out and why."""
    if not rows:
        return ["no model is left after --filter"]
    workload, device = max((row.asked_workload for row in rows), key=lambda work: work.seq), rows[0].device
    what = "one forward pass" if workload.mode == "infer" else "one training step (AdamW)"
    lines = [
        f"{what}, batch {workload.batch}, {workload.seq} tokens, {workload.precision}, on {device.name}",
        "~ estimated, not measured; memory is the whole process; the verdict goes by its upper end.",
        "Parameters are exact counts of the published class. Intervals: --json.",
    ]
    said = [(row.spec.id, str(line)) for row in rows for line in row.record.context["assumptions"]]
    for line in dict.fromkeys(line for _, line in said):
        about = [model_id for model_id, other in said if other == line]
        lines.append(line if len(about) == len(rows) > 1 else f"{', '.join(about)}: {line}")
    return lines
