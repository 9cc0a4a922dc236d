"""The two streams: results to stdout, progress and news to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fitwright.cli.interrupts import INTERRUPTS
from fitwright.core.errors import UsageError
from fitwright.core.files import to_json
from fitwright.core.progress import Task
from fitwright.core.units import format_seconds

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from fitwright.reporting.tables import Column


Row = TypeVar("Row")


def print_json(value: Any) -> None:
    """Print ``value`` as JSON, alone on stdout."""
    print(to_json(value))


def print_text(text: str) -> None:
    """Print a finished text result on stdout."""
    print(text)


_USUAL_WIDTH = 100


def width() -> int:
    """Columns of the terminal (of ``$COLUMNS``, where that is set); 100 where stdout is none."""
    import shutil

    return shutil.get_terminal_size((_USUAL_WIDTH, 24)).columns if _is_shown() else _USUAL_WIDTH


def _is_shown() -> bool:
    return sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))


def fitted_table(
    rows: Sequence[Row], columns: Sequence[Column[Row]], others: str = "--json has them."
) -> tuple[str, list[str]]:
    """A table that the terminal has room for, and a line that names the columns that it left out, if any."""
    from fitwright.reporting import tables

    room = width()
    kept, left_out = tables.fit(rows, columns, room)
    names = ", ".join(column.title for column in left_out)
    said = [f"Left out to fit {room} columns: {names}. {others}"] if left_out else []
    return tables.terminal(rows, kept), said


def command_line() -> str:
    """This process's command, as a shell would take it, for provenance."""
    import shlex

    return shlex.join(["fitwright", *sys.argv[1:]])


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """``name=value`` of an option that is given several times.

    Raises:
        UsageError: no ``=`` in one of them.
    """
    found = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} takes name=value", got=text)
        found[name.strip()] = value.strip()
    return found


_LINE_EVERY_S = 15.0


class _BarTask:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        INTERRUPTS.check()
        if note:
            self._bars.update(self._task, advance=amount, note=note)
        else:
            self._bars.update(self._task, advance=amount)


class _LineTask:
    """Where stderr is no terminal: a line every quarter of a minute, and one when the task ends."""

    def __init__(self, title: str, total: float | None, say: Callable[[str], None]) -> None:
        self._title, self._total, self._say = title, total, say
        self._done, self._note = 0.0, ""
        self._started = self._said = time.monotonic()
        self._first = 0.0
        """What was done before this run: its time says nothing about the time left."""

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        INTERRUPTS.check()
        self._done += amount
        if not note and self._first == 0.0:
            self._first = self._done
        self._note = note or self._note
        now = time.monotonic()
        ended = self._total is not None and self._done >= self._total  # the closing line says it
        if now - self._said >= _LINE_EVERY_S and not ended:
            self._said = now
            self._say(f"{self._title}: {self._share(now)}{self._tail()}")

    def end(self) -> None:
        """The closing line."""
        self._say(f"{self._title}: done in {format_seconds(time.monotonic() - self._started)}{self._tail()}")

    def _share(self, now: float) -> str:
        if not self._total:
            return f"{self._done:g} so far"
        new = self._done - self._first
        left = (now - self._started) * (self._total - self._done) / new if new > 0 else None
        shown = "" if left is None else f", about {format_seconds(left)} left"
        return f"{self._done / self._total:.0%}{shown}"

    def _tail(self) -> str:
        return f" ({self._note})" if self._note else ""


class Bars:
    """Progress bars with the time left on stderr; plain ``lines`` if asked or where stderr is no terminal."""

    def __init__(self, quiet: bool = False, lines: bool = False) -> None:
        self._quiet = quiet
        self._terminal = not lines and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @contextlib.contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:  # noqa: ARG002
        if self._quiet or not self._terminal:
            line = _LineTask(title, total, self.say)
            yield line
            line.end()
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as bars:
            yield _BarTask(bars, bars.add_task(title, total=total, note=""))

    def say(self, text: str) -> None:
        INTERRUPTS.check()
        if not self._quiet:
            with contextlib.suppress(OSError):  # a terminal that is just going away, a log on a full disk
                print(text, file=sys.stderr, flush=True)
