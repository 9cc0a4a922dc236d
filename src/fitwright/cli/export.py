"""``fitwright export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitwright.cli.console import Bars, command_line, print_json, print_text

if TYPE_CHECKING:
    from fitwright.exporting.bundle import BundleResult


def export(
    model: Annotated[Path, typer.Argument(help="Model directory with safetensors weights.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Bundle to make.")],
    precision: Annotated[str, typer.Option(help="fp32 or int8 (dynamic, embeddings too).")] = "fp32",
    tolerance: Annotated[
        float, typer.Option(help="Largest accepted difference of a logit, fp32 graph against torch.")
    ] = 1e-4,
    overwrite: Annotated[bool, typer.Option(help="Replace another result in the output folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Export a classifier to ONNX, checked against torch, as a bundle that serves.

    Example: fitwright export runs/teacher --output runs/bundle --precision int8
    """
    from fitwright.core.errors import UsageError

    if precision not in ("fp32", "int8"):
        raise UsageError("unknown export precision", got=precision, allowed="fp32, int8")
    from fitwright.api.export import export as run

    result = run(
        model, output, precision="int8" if precision == "int8" else "fp32", tolerance=tolerance,
        overwrite=overwrite, progress=Bars(), command=command_line(),
    )  # fmt: skip
    if as_json:
        print_json(result.as_json())
    else:
        print_text(_lines(result))


def _lines(result: BundleResult) -> str:
    from fitwright.core.units import format_bytes

    lines = [
        f"{result.engine_file}: {result.precision}, {format_bytes(result.size_bytes)}",
        f"fp32 graph against torch: logits differ by at most {result.max_difference:.1g}"
        f" over {result.served.rows} padded rows",
    ]
    if result.precision != "fp32":
        lines.append(
            f"{result.precision} graph against torch: by at most {result.served.max_difference:.2g};"
            " 'fitwright evaluate' tells what that costs"
        )
    return "\n".join(lines)
