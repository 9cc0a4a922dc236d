"""The folder that a ``fit`` works in: what each stage made, so that a second run continues the first.

OUTPUT/
  fit.json            the settings and the data that this workspace belongs to
  stages/NAME.json    one file for each finished stage: its result and how long it took
  teacher/            the fine-tuned source, a model directory
  candidates/         one folder for each shape that was tried
  bundle/             what serves
  report.html, report.md, report.json
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """How long a stage took, and whether this run found it done."""

    name: str
    seconds: float
    resumed: bool


class Workspace:
    """Runs stages once and remembers their JSON results."""

    def __init__(self, folder: Path, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.progress, self.clock = folder, progress, clock
        self.times: list[StageTime] = []

    def claim(self, identity: dict[str, Any], *, overwrite: bool) -> None:
        """Bind the folder to these settings and data, or refuse where it belongs to others."""
        marker = self.folder / "fit.json"
        if marker.is_file():
            previous = read_json(marker, what="fit.json")
            if previous == identity:
                return
            if not overwrite:
                changed = sorted(k for k in {*previous, *identity} if previous.get(k) != identity.get(k))
                raise UsageError(
                    f"{self.folder} holds a fit with other {', '.join(changed)}",
                    mend="Choose another --output, or add --overwrite to start it again.",
                )
        elif self.folder.is_dir() and any(p.name != ".lock" for p in self.folder.iterdir()) and not overwrite:
            raise UsageError(
                "the output folder holds something else",
                got=str(self.folder),
                mend="Choose another --output.",
            )
        for stale in (self.folder / "stages").glob("*.json"):
            stale.unlink()
        write_json(marker, identity)

    def stage(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The stage's result: read where it is done, made and stored where it is not."""
        path = self.folder / "stages" / f"{name}.json"
        if path.is_file():
            stored: dict[str, Any] = read_json(path, what=f"result of stage {name}")
            self.times.append(StageTime(name=name, seconds=stored["seconds"], resumed=True))
            result: dict[str, Any] = stored["result"]
            return result
        started = self.clock()
        result = make()
        seconds = self.clock() - started
        write_json(path, {"seconds": seconds, "result": result})
        self.times.append(StageTime(name=name, seconds=seconds, resumed=False))
        self.progress.say(f"{name}: {seconds:.0f} s")
        return result
