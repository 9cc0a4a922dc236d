"""How long work tells how far it is. Libraries report; only the command line draws."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Task(Protocol):
    """One bar."""

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Move on by ``amount`` of the task's unit; ``note`` replaces the short text beside the bar."""


class Progress(Protocol):
    """Where long work reports to. Implementations must be cheap to call thousands of times."""

    def task(
        self, title: str, total: float | None, unit: str = ""
    ) -> contextlib.AbstractContextManager[Task]:
        """A bar of ``total`` units (``None``: unknown length), closed when the block ends."""

    def say(self, text: str) -> None:
        """One line of news, for example a finished stage."""


class _SilentTask:
    def advance(self, amount: float = 1.0, note: str = "") -> None:
        return None


class Silent:
    """Reports nothing: the default in Python, and in tests."""

    @contextlib.contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:
        yield _SilentTask()

    def say(self, text: str) -> None:
        return None
