"""The two streams: results to stdout, progress and news to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fitwright.core.files import to_json
from fitwright.core.progress import Task

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


def print_json(value: Any) -> None:
    """Print ``value`` as JSON, alone on stdout."""
    print(to_json(value))


def print_text(text: str) -> None:
    """Print a finished text result on stdout."""
    print(text)


def command_line() -> str:
    """This process's command, as a shell would take it, for provenance."""
    import shlex

    return shlex.join(["fitwright", *sys.argv[1:]])


class _BarTask:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if note:
            self._bars.update(self._task, advance=amount, note=note)
        else:
            self._bars.update(self._task, advance=amount)


class _LineTask:
    """Where stderr is no terminal: one line when a task starts and one when it ends."""

    def __init__(self) -> None:
        self.note = ""

    def advance(self, amount: float = 1.0, note: str = "") -> None:  # noqa: ARG002  # no bar to move
        self.note = note or self.note


class Bars:
    """Progress bars with the time left on stderr; plain lines where stderr is no terminal."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @contextlib.contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:  # noqa: ARG002
        if self._quiet or not self._terminal:
            line = _LineTask()
            yield line
            self.say(f"{title}: done{f' ({line.note})' if line.note else ''}")
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
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)
