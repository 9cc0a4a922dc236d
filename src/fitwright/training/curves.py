"""TensorBoard event files of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fitwright.core.optional import require


class _EventFile:
    def __init__(self, folder: Path) -> None:
        events = require("tensorboard.summary.writer.event_file_writer")
        self._proto = require("tensorboard.compat.proto.event_pb2")
        self._summary = require("tensorboard.compat.proto.summary_pb2")
        self._writer = events.EventFileWriter(str(folder))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        import time

        rows = [self._summary.Summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]
        event = self._proto.Event(wall_time=time.time(), step=step, summary=self._summary.Summary(value=rows))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


@contextlib.contextmanager
def event_file(folder: Path) -> Iterator[_EventFile]:
    """Write scalars that ``tensorboard --logdir`` shows; the file is closed when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    curves = _EventFile(folder)
    try:
        yield curves
    finally:
        curves.close()
