"""The doctor: looks at interpreter, packages and machine, and says how to mend what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

from fitwright.environment.check import Diagnosis
from fitwright.environment.installed import installed
from fitwright.environment.machine import (
    disk_check,
    hub_check,
    machine_memory_check,
    machine_threads_check,
    processor_check,
    python_check,
    torch_check,
)
from fitwright.environment.packages import conflict_check, extra_checks


def examine(folder: Path, *, online: bool = False) -> Diagnosis:
    """Run every check.

    Args:
        folder: where results would be written; it must exist.
        online: also ask whether the Hub answers. Without it there is no network call.
    """
    everything = installed()
    checks = (
        python_check(),
        *extra_checks(everything),
        conflict_check(everything),
        torch_check(everything),
        processor_check(),
        machine_threads_check(),
        machine_memory_check(),
        disk_check(folder),
        hub_check(os.environ, online=online),
    )
    return Diagnosis(checks=checks)
