"""``fitwright.doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitwright.environment.check import Diagnosis


def doctor(folder: str | Path = ".", *, online: bool = False) -> Diagnosis:
    """Examine this machine and its packages, and say how to mend what is wrong.

    Args:
        folder: where results would be written.
        online: also ask whether the model Hub answers; without it there is no network call.

    Raises:
        UsageError: ``folder`` is not a folder.
    """
    from fitwright.core.errors import UsageError
    from fitwright.environment.doctor import examine

    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError("not a folder", got=str(folder))
    return examine(folder, online=online)
