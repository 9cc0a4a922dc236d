"""``fitwright compress``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text


def compress(
    model: Annotated[Path, typer.Argument(help="Model directory of a text classifier, made by 'train'.")],
    data: Annotated[Path, typer.Argument(help="The file that it was trained on.")],
    budget: Annotated[str, typer.Option("--budget", "-b", help="Such as latency-p95=0.33x,size=25MB.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The smaller model's directory.")],
    text: Annotated[str | None, typer.Option(help="Text column; the model's own by default.")] = None,
    label: Annotated[str | None, typer.Option(help="Label column; the model's own by default.")] = None,
    epochs: Annotated[int, typer.Option(help="Of every distillation.")] = 4,
    overwrite: Annotated[bool, typer.Option(help="Replace another result in the output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Shrink a classifier to a budget: int8, then students of fewer layers; the first that holds is kept.

    Exit code 1: none holds; the nearest is written and the binding constraint is named.

    Example: fitwright compress runs/teacher reviews.csv --budget size=0.25x,max-drop=1 --output runs/small
    """
    from fitwright.api.compress import compress as run
    from fitwright.cli.fit_table import budget_table

    made = run(
        model, data, output=output, budget=budget, text=text, label=label, epochs=epochs, overwrite=overwrite,
        progress=Bars(), command=command_line(),
    )  # fmt: skip
    if as_json:
        print_json(made.as_json())
    else:
        chosen = made.summary["chosen"]
        table = budget_table(tuple(chosen["budget"]))
        print_text(f"{chosen['name']}: {chosen['reason']}\n\n{table}\n\nmodel  {made.directory}")
    if not made.met:
        raise typer.Exit(1)
