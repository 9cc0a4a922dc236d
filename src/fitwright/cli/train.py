"""``fitwright train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import Bars, command_line, pairs, print_json, print_text
from fitwright.training.tasks.names import TASK_NAMES


def train(
    data: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSONL, Parquet …; docs/train.md says which for what.")
    ],
    model: Annotated[str, typer.Option("--model", "-m", help="Model directory, catalogue name or Hub id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model directory to make.")],
    task: Annotated[str, typer.Option(help="Kind of training: " + ", ".join(TASK_NAMES) + ".")] = TASK_NAMES[
        0
    ],
    text: Annotated[str | None, typer.Option(help="Text column; short for --column text=NAME.")] = None,
    label: Annotated[str | None, typer.Option(help="Label column; short for --column label=NAME.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="role=NAME of a column; several times.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="name=value of the task's own; several times.")
    ] = None,
    more: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of a setting without an option.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training rows.")] = 3,
    batch_size: Annotated[int, typer.Option(help="Rows in an optimiser step.")] = 32,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens in a step instead of rows.")] = None,
    micro_batches: Annotated[int, typer.Option(help="Parts that a step is computed in, to save memory.")] = 1,
    packing: Annotated[str, typer.Option(help="Compute no padding: auto (where it pays), on, off.")] = "auto",
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="Peak.")] = 5e-5,
    max_length: Annotated[int, typer.Option(help="Tokens a row is cut at.")] = 128,
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16; auto measures which is fast.")] = "auto",
    patience: Annotated[int, typer.Option(help="Epochs without progress before stopping.")] = 2,
    validation: Annotated[float, typer.Option(help="Share of texts held out to choose the epoch.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of texts held out to the end.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the split, the order, dropout and the new head.")] = 0,
    verify_resume: Annotated[bool, typer.Option(help="Prove exact resume: a second run, killed.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace another result in the output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fine-tune a model, by default to classify text. Interrupted, the same command continues.

    Example: fitwright train reviews.csv --model distilbert-base --output runs/teacher
    """
    from fitwright.api.train import train as run
    from fitwright.training.distributed.launch import launched
    from fitwright.training.settings import TrainSettings, settings_of

    settings = TrainSettings(
        epochs=epochs, batch_size=batch_size, batch_tokens=batch_tokens, micro_batches=micro_batches,
        packing=packing, learning_rate=learning_rate, max_length=max_length, precision=precision,
        patience=patience, validation=validation, test=test, seed=seed,
    )  # fmt: skip
    first = launched().rank == 0
    folder = run(
        data, model=model, output=output, text=text, label=label, task=task,
        columns=pairs("--column", column), options=pairs("--option", option),
        settings=settings_of(pairs("--set", more), settings), overwrite=overwrite,
        verify_resume=verify_resume, progress=Bars(quiet=not first), command=command_line(),
    )  # fmt: skip
    if first:
        _show(folder, as_json=as_json)


def _show(folder: Path, *, as_json: bool) -> None:
    from fitwright.core.files import read_json
    from fitwright.spec.manifest import Manifest
    from fitwright.training.directory import read_history
    from fitwright.training.tasks.registry import task_of
    from fitwright.training.verification import PROOF_NAME

    history, manifest = read_history(folder), Manifest.read(folder)
    if as_json:
        found = {"model": str(folder), "history": history.as_json(), "manifest": manifest.as_json()}
        proof = folder / PROOF_NAME
        print_json({**found, "resume": read_json(proof)} if proof.is_file() else found)
        return
    best, metric = history.best, task_of(manifest.task).metric
    print_text(f"{folder}: validation {metric.name} {metric.text(best.score)} (epoch {best.epoch + 1})")
