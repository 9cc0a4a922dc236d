"""The Typer application: registers one command per verb. Verb files import nothing heavy at their top."""

from __future__ import annotations

from typing import Annotated

import typer

from fitwright.cli.check_table import check_table
from fitwright.cli.compare import compare
from fitwright.cli.compress import compress
from fitwright.cli.doctor import doctor
from fitwright.cli.environment import environment
from fitwright.cli.estimate import estimate
from fitwright.cli.evaluate import evaluate
from fitwright.cli.export import export
from fitwright.cli.fit import fit
from fitwright.cli.ledger import ledger
from fitwright.cli.models import models
from fitwright.cli.predict import predict
from fitwright.cli.profile import profile
from fitwright.cli.recommend import recommend
from fitwright.cli.report import report
from fitwright.cli.reproduce import reproduce
from fitwright.cli.serve import serve
from fitwright.cli.study import study
from fitwright.cli.train import train

app = typer.Typer(
    name="fitwright",
    help="Find the smallest Transformer that does the job on this hardware, prove it, and ship it.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(show: bool) -> None:
    if show:
        from fitwright import __version__

        typer.echo(f"fitwright {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of every command."""


for _verb in (
    models, estimate, compare, recommend, check_table, profile, ledger, fit, train, reproduce, compress,
    evaluate, export, predict, serve, report, doctor,
):  # fmt: skip
    app.command()(_verb)
app.add_typer(environment)
app.add_typer(study)
