"""Signals: a Ctrl-C that cannot get lost, and a terminal that may.

Some libraries swallow ``KeyboardInterrupt`` while they are being imported.
"""

from __future__ import annotations

import os
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

    def outlive_terminal(self) -> None:
        """Go on when the terminal goes away (SIGHUP): for work of hours whose result is a file."""
        hangup = getattr(signal, "SIGHUP", None)  # not on Windows
        if hangup is None or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(hangup) is not signal.SIG_IGN:  # else nohup has seen to it
            signal.signal(hangup, self._lose_terminal)

    def _lose_terminal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Send to nowhere what would be said to a terminal that is gone."""
        for stream in (1, 2):
            try:
                os.write(stream, b"")
            except OSError:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream)
                os.close(nowhere)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._asked = True
        raise KeyboardInterrupt


INTERRUPTS = _Interrupts()
