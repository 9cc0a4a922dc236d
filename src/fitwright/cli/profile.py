"""``fitwright profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitwright.cli.console import Bars, print_json, print_text

if TYPE_CHECKING:
    from fitwright.sizing.profiling.validation import Validation


def profile(
    device: Annotated[str, typer.Option(help="cpu, or cuda:N for a card of this machine.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(help="Threads of every run; all usable cores by default.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Time for measuring; less gives a coarser profile.")] = 2.0,
    engine: Annotated[
        str, typer.Option(help="torch, onnxruntime, or both separated by a comma.")
    ] = "torch,onnxruntime",
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Measure what only training needs, too.")
    ] = True,
    validate: Annotated[
        bool,
        typer.Option("--validate", help="Hold the profile against small real models; the ledger keeps it."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write it here instead of where estimates read it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order of measurements.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole profile as JSON.")] = False,
) -> None:
    """Measure this machine for a minute or two; estimates of latency lean on it from then on.

    Nothing else should run meanwhile. Ctrl-C keeps the former profile.

    Example: fitwright profile --threads 2 --validate
    """
    from fitwright.api import profile as verb
    from fitwright.cli import profile_text as shown
    from fitwright.sizing.pricing.profile import path_of

    engines, bars = [name.strip() for name in engine.split(",") if name.strip()], Bars()
    found = verb.profile(
        device=device, threads=threads, minutes=minutes, engines=engines, training=training, output=output,
        seed=seed, progress=bars,
    )  # fmt: skip
    where = output or path_of(found.key)
    checked = _validated(verb, engines, where, threads, bars) if validate else None
    if as_json:
        print_json({**found.as_json(), "path": str(where), "validation": checked and checked.as_json()})
        return
    print_text("\n".join(shown.profile_lines(found, str(where))))
    if checked is not None:
        print_text("\n" + "\n".join(shown.validation_lines(checked)))


def _validated(verb: Any, engines: list[str], where: Path, threads: int | None, bars: Bars) -> Validation:
    result: Validation = verb.validate_profile(threads=threads, engines=engines, path=where, progress=bars)
    return result
