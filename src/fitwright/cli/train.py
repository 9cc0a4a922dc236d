"""``fitwright train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fitwright.cli.console import Bars, command_line, fitted_table, pairs, print_json, print_text
from fitwright.cli.interrupts import INTERRUPTS
from fitwright.cli.settings_options import settings_options
from fitwright.core.errors import UsageError
from fitwright.training.distributed.launch import launched
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.names import TASK_NAMES

SETTINGS = {
    "epochs": "Passes over the training rows.",
    "batch_size": "Rows in an optimiser step.",
    "batch_tokens": "Tokens in a step instead of rows.",
    "batch_growth": "Factor on the batch after every epoch.",
    "micro_batches": "Parts that a step is computed in, to save memory.",
    "packing": "Compute no padding: auto (where it pays), on, off.",
    "attention_backend": "Of packed rows: auto (the fastest that works), flash, varlen, flex, grouped.",
    "attention_window": "Tokens seen to each side in long rows; all by default.",
    "attention_window_above": "Longest row that is attended in full.",
    "learning_rate": "Peak.",
    "schedule": "Of the rate after its warm-up: linear, cosine, constant, wsd, inverse-sqrt.",
    "warmup": "Share of the steps in which the rate rises.",
    "final_rate": "Share of the peak that the rate never falls below.",
    "reference_batch": "The batch that the rate was chosen for; another one changes it.",
    "weight_decay": "Of AdamW, on matrices.",
    "max_grad_norm": "Gradients are cut to this norm.",
    "max_length": "Tokens a row is cut at.",
    "dropout": "Probability everywhere; the model's own by default.",
    "precision": "auto, fp32, tf32, bf16 or fp16; auto measures which is fast.",
    "method": "What trains: full, lora or head.",
    "lora_rank": "Rank of LoRA's additions.",
    "lora_alpha": "They are scaled by alpha / rank.",
    "lora_dropout": "Probability on their input.",
    "lora_targets": "auto (every linear layer of the body), or names such as query,value.",
    "replay_share": "Share of each step that is old, with --replay; 0 only measures.",
    "l2_to_start": "Weight of a penalty on the way from the starting weights.",
    "patience": "Epochs without progress before stopping.",
    "validation": "Share of texts held out to choose the epoch.",
    "test": "Share of texts held out to the end.",
    "seed": "Of the split, the order, dropout and the new head.",
    "parallel": "How several processes share the model: auto, ddp, fsdp.",
    "checkpoint_s": "Seconds between checkpoints.",
}


@settings_options(TrainSettings, SETTINGS, {"learning_rate": ("--lr",)})
def train(
    settings: TrainSettings,
    data: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSONL, Parquet …; docs/train.md says which for what.")
    ],
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="Model directory, config.json, name, Hub id, or ENCODER+DECODER."),
    ],
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
    replay: Annotated[
        Path | None, typer.Option(help="What the model was trained on, not to be lost.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="Settings to try: lr=1e-5..1e-3:log,batch=16|32; alone: the usual.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Runs of a sweep, the default among them.")] = 12,
    engine: Annotated[str, typer.Option(help="local (alone, or with torchrun) or ray.")] = "local",
    workers: Annotated[str, typer.Option(help="Of Ray: 2, or 1-4 for as many as there are.")] = "1",
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster; one of its own by default.")
    ] = None,
    find_lr: Annotated[bool, typer.Option("--find-lr", help="Only look for a learning rate.")] = False,
    verify_resume: Annotated[bool, typer.Option(help="Prove exact resume: a second run, killed.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace another result in the output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fine-tune a model, by default to classify text. Interrupted, the same command continues.

    Example: fitwright train reviews.csv --model distilbert-base --output runs/teacher
    """
    INTERRUPTS.outlive_terminal()
    first = launched().rank == 0  # of several processes one talks
    given: dict[str, Any] = {
        "model": model, "output": output, "text": text, "label": label, "task": task,
        "columns": pairs("--column", column), "options": pairs("--option", option), "settings": settings,
        "progress": Bars(quiet=not first, lines=engine == "ray"), "command": command_line(),
    }  # fmt: skip
    if find_lr:
        others = {"--replay": replay, "--sweep": sweep, "--verify-resume": verify_resume,
                  "--engine": engine != "local"}  # fmt: skip
        _find(data, given, others, as_json=as_json)
        return
    from fitwright.api.train import train as run

    folder = run(
        data, **given, replay=replay, sweep=sweep, trials=trials, overwrite=overwrite,
        verify_resume=verify_resume, engine=engine, workers=workers, address=address,
    )  # fmt: skip
    if first:
        _show(folder, as_json=as_json)


def _find(data: Path, given: dict[str, Any], others: dict[str, Any], *, as_json: bool) -> None:
    from fitwright.api.train import find_learning_rate

    idle = [name for name, value in others.items() if value]
    if idle:
        raise UsageError(
            "--find-lr only looks for a learning rate", got=f"{', '.join(idle)} beside it",
            mend="Give them to the training that follows.",
        )  # fmt: skip

    found = find_learning_rate(data, **given)
    if as_json:
        print_json(found.as_json())
        return
    lowest = min(found.losses)
    print_text(
        f"lowest loss {lowest:.3f} at a rate of {found.rates[found.losses.index(lowest)]:.1e} "
        f"({len(found.rates)} steps); try --learning-rate {found.suggested:.1e}"
    )


def _show(folder: Path, *, as_json: bool) -> None:
    from fitwright.core.files import read_json
    from fitwright.spec.manifest import Manifest
    from fitwright.training.continuation import side_by_side_lines
    from fitwright.training.directory import read_history
    from fitwright.training.sweep.result import SWEEP_NAME, TABLE_NAME, SweepResult
    from fitwright.training.sweep.table import columns, lines
    from fitwright.training.verification import PROOF_NAME

    history, manifest = read_history(folder), Manifest.read(folder)
    if as_json:
        found = {"model": str(folder), "history": history.as_json(), "manifest": manifest.as_json()}
        beside = {"resume": folder / PROOF_NAME, "sweep": folder / SWEEP_NAME}
        print_json(found | {name: read_json(path) for name, path in beside.items() if path.is_file()})
        return
    best, metric = history.best, history.shown
    if (folder / SWEEP_NAME).is_file():
        result = SweepResult.read(folder)
        table, left_out = fitted_table(
            result.rows, columns(result, metric), f"{folder / TABLE_NAME} has them."
        )
        print_text("\n".join([table, "", *lines(result, metric), *left_out]))
    for line in side_by_side_lines(history):
        print_text(line)
    print_text(f"{folder}: validation {history.metric} {metric.text(best.score)} (epoch {best.epoch + 1})")
