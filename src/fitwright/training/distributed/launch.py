"""Whether a launcher started this process beside others. Imports nothing heavy: the command line asks too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from fitwright.core.errors import UsageError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Which of how many processes this one is.

    Attributes:
        rank: from 0, over all machines; rank 0 talks and writes.
        size: number of processes.
        local_rank: from 0, on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0


def launched(environment: Mapping[str, str] | None = None) -> Launch:
    """What ``torchrun`` (or Ray Train) left in the environment; one process alone where it left nothing.

    Raises:
        UsageError: one of its variables is no number.
    """
    found = os.environ if environment is None else environment
    if any(name not in found for name in _NEEDED):
        return Launch()
    return Launch(
        rank=_number(found, "RANK"), size=_number(found, "WORLD_SIZE"),
        local_rank=_number(found, "LOCAL_RANK") if "LOCAL_RANK" in found else 0,
    )  # fmt: skip


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except ValueError:
        raise UsageError(
            f"the environment variable {name} is no number", got=environment[name],
            mend="Start the processes with torchrun, or unset it.",
        ) from None  # fmt: skip
