"""``fitwright doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import print_json, print_text


def doctor(
    folder: Annotated[Path, typer.Option(help="Where results would be written.")] = Path(),
    online: Annotated[bool, typer.Option("--online", help="Also ask whether the model Hub answers.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Examine this machine and its packages; exit with 1 if something is broken.

    Example: fitwright doctor --online
    """
    from fitwright.api.doctor import doctor as examine

    diagnosis = examine(folder, online=online)
    if as_json:
        print_json(diagnosis.as_json())
    else:
        print_text("\n".join(diagnosis.lines()))
    if not diagnosis.healthy:
        raise typer.Exit(1)
