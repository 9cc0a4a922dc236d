"""``fitwright study``: plan and train a ladder, fit a law to runs, ask it, report it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text
from fitwright.cli.study_design import design
from fitwright.core.errors import UsageError
from fitwright.core.units import parse_count

study = typer.Typer(name="study", help="How big a model can this data feed?", no_args_is_help=True)

_Fit = Annotated[Path, typer.Argument(metavar="FIT.json", help="What 'study fit' wrote, or the folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@study.callback()
def _group() -> None:
    """How big a model can this data feed?"""


study.command()(design)


@study.command(name="run")
def run_cells(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="What 'study design' made.")],
    workers: Annotated[
        int | None, typer.Option(help="Cells side by side; what the design measured as faster.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Of each; all cores over the workers; 1 on Ray.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local or ray.")] = "local",
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster; by default its own.")] = None,
    as_json: _Json = False,
) -> None:
    """Train the cells of a study, several side by side. Interrupted, the same command continues.

    Example: fitwright study run study
    """
    from fitwright.api.study_ladder import study_run
    from fitwright.cli.study_ladder_text import runs_text

    found = study_run(
        folder, workers=workers, threads=threads, engine=engine, address=address, progress=Bars()
    )  # fmt: skip
    if as_json:
        print_json({"study": str(folder), "runs": [run.row() for run in found]})
    else:
        print_text(runs_text(found, folder))


@study.command()
def fit(
    runs: Annotated[
        Path, typer.Argument(metavar="RUNS.csv", help="A row for each run, anybody's; or a study folder.")
    ],
    n_column: Annotated[str | None, typer.Option(help="Column of parameters.")] = None,
    d_column: Annotated[str | None, typer.Option(help="Column of tokens seen, repeats counted.")] = None,
    flops_column: Annotated[
        str | None, typer.Option(help="Column of training FLOPs in place of tokens: D = C/6N.")
    ] = None,
    loss_column: Annotated[
        str | None,
        typer.Option(help="Column of the held-out loss, nats a token; of a study of labels error or loss."),
    ] = None,
    unique_column: Annotated[
        str | None, typer.Option(help="Column of different tokens, where data was repeated.")
    ] = None,
    accuracy_column: Annotated[
        str | None, typer.Option(help="Column of accuracy on a task, 0 to 1: predictions tell it too.")
    ] = None,
    n_counts: Annotated[
        str | None, typer.Option(help="What N counts: total or non-embedding; noted with the result.")
    ] = None,
    law: Annotated[
        str,
        typer.Option(
            help="auto, chinchilla, chinchilla-tied, data-only, data-constrained, data-constrained-tied, "
            "overfitting or isoflop."
        ),
    ] = "auto",
    fix: Annotated[
        list[str] | None, typer.Option(help="Hold a number of the law, such as alpha=0.35; several times.")
    ] = None,
    bootstraps: Annotated[int, typer.Option(help="Resamples behind the 95 % intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of resamples and folds.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write the result to, for the other commands."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Fit a scaling law to training runs, chosen by what it foretells of the largest ones.

    Columns are looked for under their usual names. Predictions lean on back-tested errors, not on the
    intervals of the numbers.

    Example: fitwright study fit runs.csv --output fit.json
    """
    from fitwright.api.study import study_fit
    from fitwright.cli.study_labels_text import curves_text
    from fitwright.cli.study_text import fit_text
    from fitwright.scaling.fitted import FittedStudy

    bars = Bars(quiet=as_json)
    found = study_fit(
        runs, n_column=n_column, d_column=d_column, flops_column=flops_column, loss_column=loss_column,
        unique_column=unique_column, accuracy_column=accuracy_column, n_counts=n_counts, law=law,
        fixed=_fixed(fix or []), bootstraps=bootstraps, seed=seed, output=output, command=command_line(),
        progress=bars,
    )  # fmt: skip
    if as_json:
        print_json(found.as_json())
    elif isinstance(found, FittedStudy):
        written = output or (runs / "fit.json" if runs.is_dir() else None)
        print_text(fit_text(found, written))
    else:
        print_text(curves_text(found, runs))


@study.command()
def predict(
    fit: _Fit,
    n: Annotated[str, typer.Option("--n", help="Parameters, such as 70M.")],
    d: Annotated[str, typer.Option("--d", help="Tokens seen, such as 1.4B.")],
    unique: Annotated[str | None, typer.Option(help="How many of them differ; all unless told.")] = None,
    as_json: _Json = False,
) -> None:
    """Predict the loss of a run that was not made.

    The interval is what such predictions were off by when the larger part of the ladder was left out. A point
    farther outside than those back-tests reached is refused with exit code 1.

    Example: fitwright study predict fit.json --n 70M --d 1.4B
    """
    from fitwright.api.study import study_predict
    from fitwright.cli.study_text import prediction_text

    found = study_predict(fit, n=_count(n), d=_count(d), unique=None if unique is None else _count(unique))
    if as_json:
        print_json(found.as_json())
    else:
        print_text(prediction_text(found))


@study.command()
def best(
    fit: _Fit,
    flops: Annotated[str | None, typer.Option(help="Training FLOPs that there are, such as 1e21.")] = None,
    unique: Annotated[str | None, typer.Option(help="Different tokens that there are, such as 10B.")] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Passes over the data; the best number unless told.")
    ] = None,
    within: Annotated[
        float, typer.Option(help="Smallest size at most so many percent above the best loss.")
    ] = 0.0,
    config: Annotated[
        Path | None, typer.Option(help="File for the config.json of that size; of a study folder alone.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Name the size to choose for a compute budget, for an amount of data, or for both.

    Example: fitwright study best fit.json --flops 1e21
    """
    from fitwright.api.study import study_best
    from fitwright.cli.study_text import best_text

    found = study_best(
        fit, flops=None if flops is None else _count(flops), unique=None if unique is None else
        _count(unique), epochs=epochs, within=within / 100, config=config,
    )  # fmt: skip
    if as_json:
        print_json(found.as_json())
    else:
        print_text(best_text(found, within))
        if config is not None:
            print_text(f"{config}: next, fitwright train --task ... --model {config}")


@study.command()
def report(
    fit: _Fit,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into; beside FIT.json by default.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="html, markdown or both.")] = "both",
    as_json: Annotated[bool, typer.Option("--json", help="Print the written paths as JSON.")] = False,
) -> None:
    """Write the study as a self-contained HTML page and its Markdown twin.

    Example: fitwright study report fit.json
    """
    from fitwright.api.study import study_report

    written = study_report(fit, output=output, format=format)
    if as_json:
        print_json({"html": _path(written.html), "markdown": _path(written.markdown)})
    else:
        print_text("\n".join(str(path) for path in written.paths))


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _count(text: str) -> float:
    return float(parse_count(text))


def _fixed(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError("not a number to hold", got=pair, allowed="NAME=VALUE, such as alpha=0.35")
    return found
