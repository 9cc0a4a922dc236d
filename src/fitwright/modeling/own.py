"""Architectures that are Fitwright's own, made known to transformers where a folder holds one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json

LSTM = "fitwright-lstm"
"""``model_type`` of :mod:`fitwright.modeling.lstm`."""


def register_own(folder: Path) -> None:
    """Tell transformers' auto classes of the folder's architecture, where it is Fitwright's own."""
    if _model_type(folder / "config.json") == LSTM:
        from fitwright.modeling.lstm import register

        register()


def _model_type(path: Path) -> Any:
    """``None`` where there is no config that can be read: whoever loads the model says so."""
    try:
        values = read_json(path, what="config.json")
    except UsageError:
        return None
    return values.get("model_type") if isinstance(values, dict) else None
