"""``fitwright report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import print_json, print_text
from fitwright.core.errors import UsageError


def report(
    path: Annotated[
        Path, typer.Argument(help="Bundle, output folder of fit, model directory or report.json.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into; PATH by default.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="html, markdown or both.")] = "both",
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write one self-contained HTML page and its Markdown twin.

    Example: fitwright report runs/reviews --open
    """
    if show and format == "markdown":
        raise UsageError("--open shows the HTML page", got=f"--format {format}", allowed="html, both")
    from fitwright.api.report import report as run

    written = run(path, output=output, format=format)
    if as_json:
        print_json(written.report.as_json())
    else:
        print_text("\n".join(str(one) for one in written.paths))
    if show and written.html is not None:
        import webbrowser

        webbrowser.open(written.html.resolve().as_uri())
