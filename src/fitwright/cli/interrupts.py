"""Ctrl-C that cannot get lost: some libraries swallow ``KeyboardInterrupt`` while they are being imported."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class _Interrupts:
    """Remembers that the user pressed Ctrl-C, until somebody acts on it."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """Take SIGINT over, where this is the main thread; a service takes it over again for itself."""
        self._asked = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._ask)

    def check(self) -> None:
        """Raise the interrupt again where it was swallowed: called at every report of progress."""
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._asked = True
        raise KeyboardInterrupt


INTERRUPTS = _Interrupts()
