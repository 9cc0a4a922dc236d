"""``fitwright reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text

if TYPE_CHECKING:
    from fitwright.training.reproduction import Reproduction


def reproduce(
    model: Annotated[Path, typer.Argument(help="Model directory that 'fitwright train' made.")],
    data: Annotated[Path | None, typer.Option(help="Data file; found by the record's name if here.")] = None,
    source: Annotated[str | None, typer.Option("--model", "-m", help="Model that it started from.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep the new model here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a model again from its record and compare the weights bit for bit.

    Exit code 1: they differ, or the data or the starting weights are others.

    Example: fitwright reproduce runs/teacher --data reviews.csv
    """
    from fitwright.api.reproduce import reproduce as run

    result = run(model, data=data, source=source, output=output, progress=Bars(), command=command_line())
    if as_json:
        print_json(result.as_json())
    else:
        print_text(_lines(result))
    if not result.identical:
        raise typer.Exit(1)


def _lines(result: Reproduction) -> str:
    weights = result.weights
    if result.identical:
        lines = [f"{result.model}: reproduced, all {weights.tensors} tensors have the same bits"]
    else:
        by = "" if weights.largest is None else f", by up to {weights.largest:.2g}"
        lines = [
            f"{result.model}: not the same, {len(weights.different)} of {weights.tensors} tensors differ{by}"
        ]
    if result.differences:
        width = max(len(difference.what) for difference in result.differences)
        lines.append("the runs differ in")
        lines += [f"  {d.what:<{width}}  {d.then} → {d.now}" for d in result.differences]
    elif not result.identical:
        lines.append("versions and machine are the same: the number of threads may have been another")
    return "\n".join(lines)
