"""Where Fitwright keeps what it learns about a machine: device profiles, traces it made, the ledger."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "FITWRIGHT_HOME"


def home() -> Path:
    """The folder for this user's files; it may not exist yet.

    ``$FITWRIGHT_HOME`` if set, else ``$XDG_DATA_HOME/fitwright``, else ``~/.local/share/fitwright``.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "fitwright"
