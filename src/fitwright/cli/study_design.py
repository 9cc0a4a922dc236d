"""``fitwright study design``: a corpus, or labelled data, and a budget → a ladder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text
from fitwright.core.errors import UsageError
from fitwright.core.units import parse_count

if TYPE_CHECKING:
    from fitwright.study.designing import DesignSettings
    from fitwright.study.labels.settings import LabelSettings

_Numbers = list[float] | None
_Rows = Annotated[str | None, typer.Option(help="Amounts of labelled rows, such as 100,400,1600; chosen.")]
_Epochs = Annotated[str | None, typer.Option(help="Passes over labelled rows that are tried; 3,12.")]
_Draws = Annotated[int | None, typer.Option(help="Samples of each small amount of labelled rows; 2.")]
_Rate = Annotated[float | None, typer.Option(help="Peak rate of encoders with weights; 1e-4.")]
_Tried = typer.Option(help="Of every cell; of labelled data several, by repeating it: each is tried.")


def design(
    corpus: Annotated[
        Path, typer.Argument(help="Text file, folder of text files, or a table with a text column.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Study folder to make.")],
    minutes: Annotated[float | None, typer.Option(help="Budget: minutes on this machine.")] = None,
    flops: Annotated[str | None, typer.Option(help="Budget: training FLOPs, such as 4e13.")] = None,
    family: Annotated[
        str | None, typer.Option(help="gpt2, llama or bert: the style of the models; gpt2, of labels bert.")
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(help="width/heads/layers, such as 256/4/3,512/8/6; tiny or classic; else chosen."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Encoder with weights, PATH or NAME=PATH; repeat it. Of labels."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Label column: the study is of labels. Detected with --model.")
    ] = None,
    rows: _Rows = None,
    epochs: _Epochs = None,
    draws: _Draws = None,
    model_rate: _Rate = None,
    vocabulary: Annotated[
        int | None, typer.Option(help="Tokens of the tokenizer that is trained; 1024, of labels by rule.")
    ] = None,
    block: Annotated[int, typer.Option(help="Tokens of a block; labelled rows are cut there.")] = 128,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", "--lr", help="Peak at a width of 128; others follow.")
    ] = 2e-3,
    dropout: Annotated[_Numbers, _Tried] = None,
    weight_decay: Annotated[_Numbers, _Tried] = None,
    held_out: Annotated[
        float | None, typer.Option(help="Share of texts to judge by; 0.05, of labelled ones 0.2.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Text column of a table; detected by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of split, weights and order.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another study, its runs too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Plan a ladder for a corpus or labelled data and a budget, with each cell's cost.

    Of a corpus: sizes, unique data and epochs. With --label or --model: encoders, labelled rows and epochs.

    Example: fitwright study design corpus.txt --minutes 20 --output study
    """
    shared: dict[str, Any] = {
        "shapes": shapes, "minutes": minutes, "flops": None if flops is None else float(parse_count(flops)),
        "learning_rate": learning_rate, "seed": seed,
    }  # fmt: skip
    told = {"vocabulary": vocabulary, "held_out": held_out}
    shared |= {name: value for name, value in told.items() if value is not None}
    of_labels = {
        "--rows": rows, "--epochs": epochs, "--draws": draws, "--model-rate": model_rate,
    }  # fmt: skip
    settings: DesignSettings | LabelSettings
    if label is None and not model:
        settings = _corpus(shared, family, block, dropout, weight_decay, of_labels)
    else:
        settings = _labels(shared, family, block, dropout, weight_decay, model or [], of_labels)
    _show(corpus, output, settings, text, label, overwrite=overwrite, as_json=as_json)


def _show(
    data: Path, output: Path, settings: DesignSettings | LabelSettings, text: str | None, label: str | None,
    *, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    from fitwright.api.study_ladder import study_design
    from fitwright.cli.study_ladder_text import plan_text

    plan = study_design(
        data, output=output, settings=settings, text=text, label=label, overwrite=overwrite,
        progress=Bars(quiet=as_json), command=command_line(),
    )  # fmt: skip
    if as_json:
        print_json(plan.as_json())
    else:
        print_text(plan_text(plan, output))


def _corpus(
    shared: dict[str, Any], family: str | None, block: int, dropout: _Numbers, weight_decay: _Numbers,
    of_labels: dict[str, Any],
) -> DesignSettings:  # fmt: skip
    from fitwright.study.designing import DesignSettings

    given = [name for name, value in of_labels.items() if value is not None]
    if given:
        raise UsageError(
            "these options are of a study of labelled data", got=", ".join(given),
            mend="Say which column holds the labels: --label NAME.",
        )  # fmt: skip
    for name, values in (("--dropout", dropout), ("--weight-decay", weight_decay)):
        if values is not None and len(values) > 1:
            raise UsageError(f"{name} is one number in a study of a corpus", got=", ".join(map(str, values)))
    regularisation: dict[str, _Numbers] = {"dropout": dropout, "weight_decay": weight_decay}
    told: dict[str, Any] = {name: values[0] for name, values in regularisation.items() if values}
    return DesignSettings(family=family or "gpt2", block=block, **shared, **told)


def _labels(
    shared: dict[str, Any], family: str | None, block: int, dropout: _Numbers, weight_decay: _Numbers,
    models: list[str], of_labels: dict[str, Any],
) -> LabelSettings:  # fmt: skip
    from fitwright.study.labels.settings import LabelSettings

    if family not in (None, "bert"):
        raise UsageError("a study of labelled data is of encoders", got=f"--family {family}", allowed="bert")
    told = {
        "dropout": dropout and tuple(dropout), "weight_decay": weight_decay and tuple(weight_decay),
        "draws": of_labels["--draws"], "model_rate": of_labels["--model-rate"],
        "rows": _counts("--rows", of_labels["--rows"]), "epochs": _counts("--epochs", of_labels["--epochs"]),
    }  # fmt: skip
    known = {name: value for name, value in told.items() if value is not None}
    return LabelSettings(models=tuple(models), max_length=block, **shared, **known)


def _counts(option: str, text: str | None) -> tuple[int, ...] | None:
    """``100,1.6k`` as numbers."""
    if text is None:
        return None
    try:
        return tuple(parse_count(part) for part in text.split(","))
    except UsageError:
        raise UsageError(f"{option} takes numbers with commas between them", got=text) from None
