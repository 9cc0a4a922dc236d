"""TensorBoard event files of a run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitwright.core.files import plain_os_errors
from fitwright.core.optional import require


class _EventFile:
    """Written in the caller's own thread, so that a full disk is the caller's error."""

    def __init__(self, folder: Path) -> None:
        self._proto = require("tensorboard.compat.proto.event_pb2")
        self._summary = require("tensorboard.compat.proto.summary_pb2")
        records = require("tensorboard.summary.writer.record_writer")
        self._path = folder / f"events.out.tfevents.{int(time.time()):010d}.{os.getpid()}"
        with plain_os_errors("write", self._path):
            self._file = self._path.open("ab", buffering=0)
        self._writer = records.RecordWriter(self._file)
        self._write(self._proto.Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        rows = [self._summary.Summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]
        summary = self._summary.Summary(value=rows)
        self._write(self._proto.Event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        self._file.close()

    def _write(self, event: Any) -> None:
        with plain_os_errors("write", self._path):
            self._writer.write(event.SerializeToString())


class _Nowhere:
    """Curves of a process that is not the first of its run."""

    def scalars(self, step: int, values: dict[str, float]) -> None:  # noqa: ARG002
        return None


@contextlib.contextmanager
def event_file(folder: Path, *, write: bool = True) -> Iterator[_EventFile | _Nowhere]:
    """Write scalars that ``tensorboard --logdir`` shows; the file is closed when the block ends."""
    if not write:
        yield _Nowhere()
        return
    with plain_os_errors("write", folder):
        folder.mkdir(parents=True, exist_ok=True)
    curves = _EventFile(folder)
    try:
        yield curves
    finally:
        curves.close()
