"""TensorBoard event files of a run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fitwright.core.files import plain_os_errors
from fitwright.core.optional import require

if TYPE_CHECKING:
    import torch

    from fitwright.training.history import Point

_BINS = 32
_NOT_DRAWN = ("step", "epoch", "metrics")


class Curves(Protocol):
    """Where curves are written."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add those values at that step."""

    def histograms(self, step: int, values: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Add the distribution of those tensors at that step."""


def draw_epoch(curves: Curves, point: Point, matrices: Mapping[str, torch.Tensor]) -> None:
    """Everything measured over an epoch, and the distribution of those matrices, by name."""
    known = {k: v for k, v in asdict(point).items() if k not in _NOT_DRAWN and v is not None}
    metrics = {f"validation/{name}": value for name, value in point.metrics.items()}
    curves.scalars(point.step, {**known, **metrics})
    curves.histograms(point.step, matrices.items())


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

    def histograms(self, step: int, values: Iterable[tuple[str, torch.Tensor]]) -> None:
        rows = [self._summary.Summary.Value(tag=tag, histo=self._histogram(v)) for tag, v in values]
        self._write(
            self._proto.Event(wall_time=time.time(), step=step, summary=self._summary.Summary(value=rows))
        )

    def _histogram(self, values: torch.Tensor) -> Any:
        """32 equal bins; sums in fp64."""
        import torch

        flat = values.float().flatten().cpu()
        low, high = float(flat.min()), float(flat.max())
        counts = (
            torch.histc(flat, bins=_BINS, min=low, max=high) if high > low else torch.tensor([flat.numel()])
        )
        edges = torch.linspace(low, high, len(counts) + 1)[1:]
        return self._summary.HistogramProto(
            min=low, max=high, num=flat.numel(), sum=float(flat.double().sum()),
            sum_squares=float(flat.double().square().sum()), bucket_limit=edges.tolist(),
            bucket=counts.tolist(),
        )  # fmt: skip

    def close(self) -> None:
        self._file.close()

    def _write(self, event: Any) -> None:
        with plain_os_errors("write", self._path):
            self._writer.write(event.SerializeToString())


class _Nowhere:
    """Curves of a process that is not the first of its run."""

    def scalars(self, step: int, values: dict[str, float]) -> None:  # noqa: ARG002
        return None

    def histograms(self, step: int, values: Iterable[tuple[str, torch.Tensor]]) -> None:  # noqa: ARG002
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
