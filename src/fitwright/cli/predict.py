"""``fitwright predict``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitwright.cli.console import Bars, print_json, print_text
from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    from fitwright.engines.prediction import Prediction

_TEXT_WIDTH = 80


def predict(
    model: Annotated[Path, typer.Argument(help="Model directory or bundle.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; '-' reads lines from stdin.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="TXT, CSV, TSV, JSONL, Parquet.")] = None,
    text: Annotated[str | None, typer.Option(help="Text column of the file; detected by default.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSONL file to write.")] = None,
    engine: Annotated[str | None, typer.Option(help="torch or onnxruntime; the bundle's by default.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the engine.")] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Rows the engine sees at once.")] = 32,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Classes to show, best first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Classify texts with a model directory or a bundle.

    Example: fitwright predict runs/best "a moving and funny film" --json
    """
    if output is not None and output.suffix.lower() not in (".jsonl", ".ndjson"):
        raise UsageError("answers are written as JSON lines", got=output.name, allowed=".jsonl, .ndjson")
    from fitwright.api.predict import predict as run
    from fitwright.core.files import write_text
    from fitwright.core.optional import require

    require("numpy")
    answers = run(
        model, _read(texts or [], file, text), engine=engine, threads=threads, batch_size=batch_size,
        top_k=top_k, progress=Bars(quiet=file is None),
    )  # fmt: skip
    if output is not None:
        write_text(output, "".join(_line(answer) + "\n" for answer in answers))
        Bars().say(f"wrote {len(answers)} answers to {output}")
    if as_json:
        print_json([answer.as_json() for answer in answers])
    elif output is None:
        print_text(_aligned(answers, top_k or 1))


def _read(texts: list[str], file: Path | None, column: str | None) -> list[str]:
    from fitwright.engines.prediction import not_blank, read_texts

    if bool(texts) == (file is not None):
        raise UsageError(
            "give texts or --file, and not both" if texts else "there is no text to classify",
            mend='For example: fitwright predict MODEL "a text", or --file texts.txt, or - for stdin.',
        )
    if file is not None:
        return read_texts(file, column)
    if column is not None:
        raise UsageError("--text names a column of --file, which is not given", got=column)
    if "-" not in texts:
        return texts
    if len(texts) > 1:
        raise UsageError("'-' stands for all texts, so it stands alone")
    return not_blank(sys.stdin.readlines(), "stdin")


def _line(answer: Prediction) -> str:
    import json

    return json.dumps(answer.as_json(), ensure_ascii=False)


def _aligned(answers: Sequence[Prediction], top_k: int) -> str:
    """Columns: label and score (``top_k`` pairs), then the text, cut to one line."""
    from rich.cells import cell_len, set_cell_size

    width = max((cell_len(label) for answer in answers for label in answer.scores), default=0)
    lines = []
    for answer in answers:
        pairs = list(answer.scores.items())[:top_k]
        cells = [f"{set_cell_size(label, width)}  {score:.4f}" for label, score in pairs]
        line = " ".join(answer.text.split())
        shown = line if cell_len(line) <= _TEXT_WIDTH else set_cell_size(line, _TEXT_WIDTH - 1) + "…"
        lines.append("  ".join([*cells, shown]).rstrip())
    return "\n".join(lines)
