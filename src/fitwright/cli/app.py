"""The Typer application: one command per verb, imported when it is asked for. Verb files import nothing
heavy at their top."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

COMMANDS = (
    "models", "estimate", "compare", "recommend", "check-table", "profile", "ledger", "fit", "train",
    "reproduce", "compress", "evaluate", "export", "predict", "serve", "report", "doctor",
)  # fmt: skip
"""In the order of the help; each is the function of its name in the module of its name."""
GROUPS = ("environment", "study")
"""Commands that have commands of their own."""


def application(wanted: str | None = None) -> typer.Typer:
    """The application with all its commands, or with the one that is ``wanted``, so that a start does not
    pay for the others.

    Args:
        wanted: the first argument of the command line; what is no command's name gets all of them.
    """
    app = typer.Typer(
        name="fitwright",
        help="Find the smallest Transformer that does the job on this hardware, prove it, and ship it.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    known = (*COMMANDS, *GROUPS)
    for name in (wanted,) if wanted in known else known:
        module = name.replace("-", "_")
        verb = getattr(import_module(f"fitwright.cli.{module}"), module)
        if name in GROUPS:
            app.add_typer(verb)
        else:
            app.command()(verb)
    return app


def _version(show: bool) -> None:
    if show:
        from fitwright import __version__

        typer.echo(f"fitwright {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of every command."""
