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

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.core.progress import Progress

_QUICK = ("profile", "consider")


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

    def check(self, identity: dict[str, Any], *, overwrite: bool) -> None:
        """Refuse a folder that belongs to other settings or data, or to something else; touches nothing.

        ``overwrite`` gives up another fit, never what is no fit. Where nothing is trained yet, other settings
        may take over: a mistyped model was only corrected.
        """
        if not self._marker.is_file():
            drafts = f".{self._marker.name}."  # of a run that was killed in its first moment
            if self.folder.is_dir() and any(not n.startswith((".lock", drafts)) for n in self._names()):
                raise UsageError(
                    "the output folder holds something else",
                    got=str(self.folder),
                    mend="Choose another --output.",
                )
            return
        if overwrite:
            return
        previous = read_json(self._marker, what="fit.json")
        if previous == identity or not self._holds_work():
            return
        known = previous if isinstance(previous, dict) else {}
        changed = sorted(k for k in {*known, *identity} if known.get(k) != identity.get(k))
        raise UsageError(
            f"{self.folder} holds a fit with other {' and '.join(changed)}",
            mend="Choose another --output, or add --overwrite to start it again.",
        )

    def claim(self, identity: dict[str, Any], *, overwrite: bool) -> None:
        """Bind the folder to these settings and data, or refuse where it belongs to others.

        What was made of other settings or data is given up, the fine-tuned models excepted: they know
        themselves what they were made of.
        """
        self.check(identity, overwrite=overwrite)
        try:
            if self._marker.is_file() and read_json(self._marker, what="fit.json") == identity:
                return
        except UsageError:  # damaged, and may be overwritten
            pass
        for stale in ("stages", "candidates", "bundle"):
            shutil.rmtree(self.folder / stale, ignore_errors=True)
        write_json(self._marker, identity)

    def stage(
        self,
        name: str,
        make: Callable[[], dict[str, Any]],
        keeps: Callable[[dict[str, Any]], Iterable[Path]] = lambda _: (),
    ) -> dict[str, Any]:
        """The stage's result: read where it is done, made and stored where it is not.

        Args:
            name: of the stage, unique in the workspace.
            make: does the work; its result is JSON.
            keeps: the files that the result speaks of; where one is gone, the stage is run again, and so is
                every later one, because they were made of it.
        """
        stored = self._stored(name)
        if stored is not None and all(path.exists() for path in keeps(stored["result"])):
            self.times.append(StageTime(name=name, seconds=stored["seconds"], resumed=True))
            return dict(stored["result"])
        self._forget_later()
        started = self.clock()
        result = make()
        seconds = self.clock() - started
        write_json(self._path(name), {"seconds": seconds, "result": result})
        self.times.append(StageTime(name=name, seconds=seconds, resumed=False))
        self.progress.say(f"{name}: {seconds:.0f} s")
        return result

    @property
    def _marker(self) -> Path:
        return self.folder / "fit.json"

    def _path(self, name: str) -> Path:
        return self.folder / "stages" / f"{name}.json"

    def _names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def _holds_work(self) -> bool:
        """Whether anything is there that took long to make."""
        if self._names() - {".lock", "fit.json", "stages"}:
            return True
        return any(path.stem not in _QUICK for path in (self.folder / "stages").glob("*.json"))

    def _stored(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        if not path.is_file():
            return None
        mend = f"Delete {path} to run the stage again."
        try:
            stored = read_json(path, what=f"the result of stage {name}")
        except UsageError as error:
            raise UsageError(error.what, mend=mend) from None
        whole = isinstance(stored, dict) and isinstance(stored.get("result"), dict) and "seconds" in stored
        if not whole:
            raise UsageError(f"the result of stage {name} is damaged", mend=mend)
        return dict(stored)

    def _forget_later(self) -> None:
        done = {time.name for time in self.times}
        for path in (self.folder / "stages").glob("*.json"):
            if path.stem not in done:
                path.unlink()
