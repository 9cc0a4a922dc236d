"""From ``--model`` to the folder that a run starts from."""

from __future__ import annotations

from pathlib import Path

from fitwright.modeling.sources import resolve_source
from fitwright.training.lstm_start import lstm_folder, shape_of_name
from fitwright.training.tasks.interface import TaskData


def starting_folder(model: str, data: TaskData) -> Path:
    """The folder of a model, or of the LSTM that is to be trained on these data.

    Raises:
        UsageError, UnknownModelError, RunError: see ``modeling.sources`` and ``training.lstm_start``.
    """
    shape = shape_of_name(model)
    return resolve_source(model, scratch=True) if shape is None else lstm_folder(shape, data.train)
