"""``fitwright evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitwright.cli.console import Bars, print_json, print_text

if TYPE_CHECKING:
    from fitwright.evaluation.evaluate import Evaluation


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model directory or bundle.")],
    data: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with a text and a label column.")],
    against: Annotated[
        Path | None, typer.Option(help="Source model directory, measured beside it with torch fp32.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="torch or onnxruntime; the one that serves.")] = None,
    split: Annotated[str, typer.Option(help="all rows, or the test part of the model's own split.")] = "all",
    text: Annotated[str | None, typer.Option(help="Text column; detected by default.")] = None,
    label: Annotated[str | None, typer.Option(help="Label column; detected by default.")] = None,
    batch: Annotated[int, typer.Option(help="Rows of a call whose latency is measured.")] = 1,
    seq: Annotated[int | None, typer.Option(help="Tokens of such a row; the data's own by default.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each engine; all usable cores.")] = None,
    seconds: Annotated[float, typer.Option(help="Time aimed at for the speed of each model.")] = 6.0,
    seed: Annotated[int, typer.Option(help="Of samples, orders and resampling.")] = 0,
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Measure latency, throughput.")] = True,
    memory: Annotated[bool, typer.Option("--memory/--no-memory", help="Measure peak memory.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure quality, speed, memory and size in the engine that serves.

    Example: fitwright evaluate runs/bundle reviews.csv --against runs/teacher --split test
    """
    from fitwright.core.optional import require

    require("numpy")
    from fitwright.api.evaluate import evaluate as run
    from fitwright.core.errors import UsageError
    from fitwright.evaluation.evaluate import EvaluationSettings

    if split not in ("all", "test"):
        raise UsageError("unknown part of the data", got=split, allowed="all, test")
    settings = EvaluationSettings(
        batch=batch, seq=seq, threads=threads, seconds=seconds, seed=seed, speed=speed, memory=memory
    )
    progress = Bars()
    result = run(
        model, data, against=against, engine=engine, split="test" if split == "test" else "all", text=text,
        label=label, settings=settings, progress=progress,
    )  # fmt: skip
    for warning in result.warnings:
        progress.say(f"warning: {warning}")
    if as_json:
        print_json(result.as_json())
    else:
        print_text(_table(result))


_TITLES = {
    "accuracy": "Accuracy",
    "f1": "Macro F1",
    "drop": "Drop",
    "size": "Size",
    "parameters": "Parameters",
    "latency-p50": "Latency p50",
    "latency-p95": "Latency p95",
    "throughput-batch1": "Throughput, batch 1",
    "throughput": "Throughput, batch 32",
    "memory": "Peak memory",
}
_SHARES = ("size", "memory")


def _table(result: Evaluation) -> str:
    """One line a quantity: name, model and interval, source and interval, ratio; columns aligned."""
    from rich.cells import cell_len, set_cell_size

    from fitwright.reporting.wording import interval, show

    records = [record for record in (result.candidate, result.source) if record is not None]
    rows = [["", *(cell for record in records for cell in (record.subject, ""))]]
    rows.append(
        ["Engine", *(c for r in records for c in (f"{r.context['engine']} {r.context['precision']}", ""))]
    )
    for name, title in _TITLES.items():
        quantities = [record.get(name) for record in records]
        if not any(quantities):
            continue
        row = [title]
        for quantity in quantities:
            row += ["–", ""] if quantity is None else [show(name, quantity), interval(name, quantity)]
        ratio = result.ratios.get(name)
        if ratio is not None:
            row.append(f"{ratio.value:.2f} of it" if name in _SHARES else f"{ratio.value:.1f}×")
        rows.append(row)
    count = max(len(row) for row in rows)
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    widths = [max(cell_len(row[i]) for row in full) for i in range(count)]
    lines = [
        "  ".join(set_cell_size(c, w) for c, w in zip(row, widths, strict=True)).rstrip() for row in full
    ]
    return "\n".join([*lines, "", _conditions(result)])


def _conditions(result: Evaluation) -> str:
    context = result.candidate.context
    length = "the rows' own lengths" if context["seq"] is None else f"{context['seq']} tokens"
    threads = f"{context['threads']} thread{'' if context['threads'] == 1 else 's'}"
    return (
        f"{context['rows']:,} rows ({context['split']}); latency at batch {context['batch']}, {length},"
        f" {threads}; 95 % intervals, for memory the range"
    )
