"""``fitwright environment``: a group with one command so far, ``lock``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitwright.cli.console import Bars, print_json, print_text

if TYPE_CHECKING:
    from fitwright.environment.lock import Lock

environment = typer.Typer(name="environment", help="Make this environment rebuildable.", no_args_is_help=True)


@environment.callback()
def _group() -> None:
    """Make this environment rebuildable."""


@environment.command()
def lock(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "environment.lock"
    ),
    check: Annotated[
        Path | None, typer.Option(help="Write nothing; say how this environment differs from that lock.")
    ] = None,
    hashes: Annotated[
        bool, typer.Option(help="Ask pip's package sources for hashes; takes about half a minute.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the exact installed packages as a requirements file, or compare them with one.

    Example: fitwright environment lock --output environment.lock
    """
    if check is not None:
        _check(check, as_json)
        return
    from fitwright.api.environment import lock_environment

    bars = Bars(quiet=as_json)
    with bars.task("asking for hashes" if hashes else "listing packages", None):
        made = lock_environment(output, hashes=hashes)
    if as_json:
        print_json(made.as_json())
    else:
        print_text(_summary(made))
    if made.warning:
        bars.say(f"warning: not every hash could be had: {made.warning}")


def _summary(made: Lock) -> str:
    apart = f"; apart, in comments: {', '.join(made.apart)}" if made.apart else ""
    return f"{made.path}: {made.packages} packages, {made.hashed} with hashes{apart}"


def _check(path: Path, as_json: bool) -> None:
    from fitwright.api.environment import check_environment

    found = check_environment(path)
    if as_json:
        print_json(found.as_json())
    else:
        lines = [difference.line() for difference in found.differences]
        count = len(lines)
        verdict = f"{found.agreed} packages as locked, {count} {'differs' if count == 1 else 'differ'}"
        print_text("\n".join([*lines, verdict]))
    if not found.same:
        raise typer.Exit(1)
