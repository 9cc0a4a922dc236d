"""``fitwright fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text
from fitwright.cli.interrupts import INTERRUPTS


def fit(
    data: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with a text and a label column.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Workspace; the same command again continues it.")
    ] = Path("runs/fit"),
    task: Annotated[str, typer.Option(help="What the model is to do.")] = "text-classification",
    budget: Annotated[
        str | None, typer.Option(help="latency-p50, latency-p95, throughput, size, memory, max-drop=1.5.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Source to consider: folder, name or Hub id. May be repeated."),
    ] = None,
    teachers: Annotated[int, typer.Option(help="How many sources are fine-tuned; the best is shrunk.")] = 1,
    text: Annotated[str | None, typer.Option(help="Text column; detected by default.")] = None,
    label: Annotated[str | None, typer.Option(help="Label column; detected by default.")] = None,
    batch: Annotated[int, typer.Option(help="Rows of a call for the latency.")] = 1,
    seq: Annotated[int | None, typer.Option(help="Tokens of a row for the latency; the data's own.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of one run; all usable cores.")] = None,
    epochs: Annotated[int, typer.Option(help="Of the source's fine-tuning.")] = 3,
    distil_epochs: Annotated[int, typer.Option(help="Of every student.")] = 4,
    batch_size: Annotated[int, typer.Option(help="Rows in an optimiser step.")] = 32,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="Of the source.")] = 5e-5,
    max_length: Annotated[int, typer.Option(help="Tokens a row is cut at.")] = 128,
    precision: Annotated[str, typer.Option(help="Of training: auto, fp32 or bf16.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Give up what another fit left in the workspace.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find the smallest model that does the job within the budget: train, shrink, measure, bundle, report.

    Exit code 1: the budget cannot be met; the nearest point is bundled and the binding constraint is named.

    Example: fitwright fit reviews.csv --budget latency-p95=0.33x,size=0.33x
    """
    from fitwright.api.fit import fit as run
    from fitwright.pipeline.settings import DEFAULT_BUDGET, FitSettings
    from fitwright.training.settings import TrainSettings

    INTERRUPTS.outlive_terminal()
    settings = FitSettings(
        task=task, budget=budget if budget is not None else DEFAULT_BUDGET, models=tuple(model or ()),
        teachers=teachers, text=text, label=label, batch=batch, seq=seq, threads=threads,
        distil_epochs=distil_epochs,
        train=TrainSettings(
            epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, max_length=max_length,
            precision=precision, seed=seed,
        ),
    )  # fmt: skip
    result = run(
        data, output=output, settings=settings, overwrite=overwrite, progress=Bars(), command=command_line()
    )
    if as_json:
        print_json(result.as_json())
    else:
        from fitwright.cli.fit_table import fit_table

        print_text(fit_table(result))
    if not result.met:
        raise typer.Exit(1)
