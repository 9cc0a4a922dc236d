"""Was the machine busy with other things while speed was measured?"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fitwright.core.provenance import usable_cores

_STAT = Path("/proc/stat")
_BUSY = (1, 2, 3, 6, 7, 8)
"""Fields of a ``cpuN`` line that are work: user, nice, system, irq, softirq, steal (proc(5))."""

NOTABLE_SHARE = 0.1
"""Share of the usable cores that other work may take before it is worth a warning."""


@dataclass(kw_only=True)
class Contention:
    """Work of others on the cores that this process may use.

    Attributes:
        cores: cores' worth of it, on average; ``None`` while watching, and where the system does not tell.
        usable: cores that this process may use.
    """

    cores: float | None = None
    usable: int = 1

    def warning(self) -> str | None:
        """One line where it is notable."""
        if self.cores is None or self.cores <= NOTABLE_SHARE * self.usable:
            return None
        return (
            f"other work took {self.cores:.1f} of {self.usable} cores while speed was measured: the figures"
            " and their ratios are unreliable, torch suffers most; measure again on a quiet machine"
        )


@contextlib.contextmanager
def watch_contention() -> Iterator[Contention]:
    """Compare the busy time of the usable cores with this process's own. Linux; elsewhere it knows nothing.

    Known error: the kernel counts in ticks of 10 ms, so a block should last a second or more.
    """
    found = Contention(usable=usable_cores())
    before, own, wall = busy_s(), time.process_time(), time.monotonic()
    yield found
    after, elapsed = busy_s(), time.monotonic() - wall
    if before is not None and after is not None and elapsed > 0:
        others = after - before - (time.process_time() - own)
        found.cores = max(0.0, others / elapsed)


def busy_s(stat: Path = _STAT) -> float | None:
    """Seconds of work so far on the usable cores; ``None`` where the system does not tell."""
    try:
        lines = stat.read_text().splitlines()
        mine = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    except (OSError, AttributeError):
        return None
    fields = [line.split() for line in lines if line.startswith("cpu")]
    ticks = sum(int(parts[i]) for parts in fields if parts[0] in mine for i in _BUSY)
    return ticks / os.sysconf("SC_CLK_TCK")
