"""``fitwright.lock_environment`` and ``fitwright.check_environment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitwright.environment.lock import Comparison, Lock


def lock_environment(output: str | Path = "environment.lock", *, hashes: bool = True) -> Lock:
    """Write the exact installed packages as a requirements file that pip can install.

    Args:
        output: the file to write.
        hashes: ask pip's package sources for the files' hashes; without a network the lock has versions only
            and says so.

    Raises:
        RunError: the file cannot be written.
    """
    from fitwright.environment.lock import write_lock

    return write_lock(Path(output), with_hashes=hashes)


def check_environment(lock: str | Path) -> Comparison:
    """Hold the present environment against a lock file.

    Raises:
        UsageError: ``lock`` is missing or is no lock file.
    """
    from fitwright.environment.lock import compare_with_lock

    return compare_with_lock(Path(lock))
