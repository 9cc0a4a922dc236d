"""What a training run may start from, by name."""

from __future__ import annotations

from pathlib import Path

from fitwright.modeling.sources import resolve_source
from fitwright.modeling.warm_start import JOIN, pair_folder


def start_of(name: str) -> Path:
    """The folder of a model directory, a config without weights, a catalogue name, a Hub id, or a pair.

    Raises:
        UsageError, UnknownModelError, RunError: see :func:`resolve_source` and :func:`pair_folder`.
    """
    if JOIN in name and not Path(name).expanduser().exists():
        return pair_folder(name)
    return resolve_source(name, scratch=True)
