"""``reproduce``: a model directory → the same run again, and whether it is bit-identical."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.training.continuation import OldData
    from fitwright.training.reproduction import Reproduction
    from fitwright.training.settings import TrainSettings
    from fitwright.training.tasks.interface import Task


def reproduce(
    model: str | Path,
    *,
    data: str | Path | None = None,
    source: str | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
    command: str | None = None,
) -> Reproduction:
    """Train the run of a model directory again from its record, and compare the weights bit for bit.

    Args:
        model: a model directory that ``train`` made.
        data: the data file; by default the one that the record names, here or beside the model directory.
        source: the model that it started from; by default what the record names.
        output: where the new model directory is kept; by default it is thrown away after the comparison.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made the new one.

    Returns:
        Whether the weights are identical, which tensors are not, and what differs between the two machines.

    Raises:
        CheckError: the data or the starting weights are not those of the record; nothing is trained.
        UsageError: not made by ``train``, or the data file is not there.
    """
    from fitwright.core.optional import require

    require("torch")
    from fitwright.api.train import provenance_json
    from fitwright.spec.manifest import Manifest
    from fitwright.training.from_scratch import source_folder
    from fitwright.training.job import Job
    from fitwright.training.reproduction import recorded_settings, reproduce_run
    from fitwright.training.tasks.registry import task_of

    folder, progress = Path(model), progress or Silent()
    manifest, settings = Manifest.read(folder), recorded_settings(folder)
    record = manifest.data
    path = Path(data) if data is not None else _find(str(record["file"]), folder)
    task = task_of(manifest.task, manifest.settings.get("task"))
    name = source or str(manifest.made_from["model"])
    rows = task.read(path, record["columns"], settings)
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(
            task=task, data=rows, source=source_folder(name, task, rows, settings), source_name=name,
            old=_old(record, task, settings, folder),
            output=Path(output) if output is not None else Path(scratch) / "model",
            provenance=provenance_json(command or f"fitwright.reproduce({str(model)!r})"),
        )  # fmt: skip
        return reproduce_run(folder, job, progress)


def _old(record: Mapping[str, Any], task: Task, settings: TrainSettings, model: Path) -> OldData | None:
    """The old data that the run replayed, where it did; looked for as the data file is."""
    from fitwright.training.continuation import read_recorded

    replayed = record.get("replay")
    if replayed is None:
        return None
    return read_recorded(_find(str(replayed["file"]), model), replayed, task, settings)


def _find(name: str, model: Path) -> Path:
    """The data file that a record names, which says no folder: here, or next to the model directory."""
    from fitwright.core.errors import UsageError

    for folder in (Path(), model.parent, model.parent.parent):
        if (folder / name).exists():
            return folder / name
    raise UsageError("the data file of the record is not here", got=name, mend="Say where it is with --data.")
