"""Architectures that are Fitwright's own, made known to transformers where a folder holds one."""

from __future__ import annotations

from pathlib import Path

from fitwright.core.files import read_json

LSTM = "fitwright-lstm"
"""``model_type`` of :mod:`fitwright.modeling.lstm`."""


def register_own(folder: Path) -> None:
    """Tell transformers' auto classes of the folder's architecture, where it is Fitwright's own."""
    path = folder / "config.json"
    if path.is_file() and read_json(path, what="config.json").get("model_type") == LSTM:
        from fitwright.modeling.lstm import register

        register()
