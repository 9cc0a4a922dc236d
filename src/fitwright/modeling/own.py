"""Architectures that are Fitwright's own, made known to transformers where a folder holds one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.modeling.local_attention import is_local, register_local_attention

LSTM = "fitwright-lstm"
"""``model_type`` of :mod:`fitwright.modeling.lstm`."""


def register_own(folder: Path) -> None:
    """Tell transformers of the folder's architecture or attention, where it is Fitwright's own."""
    config = config_of(folder)
    if config.get("model_type") == LSTM:
        from fitwright.modeling.lstm import register

        register()
    if is_local(config):
        register_local_attention()


def refuse_local_attention(folder: Path, what: str) -> None:
    """Raise where the folder's model attends within windows, which whoever asks cannot do.

    Raises:
        UsageError: such a model cannot ``what``.
    """
    if is_local(config_of(folder)):
        raise UsageError(
            f"a model that attends within windows cannot {what}", got=str(folder),
            mend="Train it without --attention-window, or serve it with the torch engine.",
        )  # fmt: skip


def config_of(folder: Path) -> dict[str, Any]:
    """Empty where there is no config that can be read: whoever loads the model says so."""
    try:
        values = read_json(folder / "config.json", what="config.json")
    except UsageError:
        return {}
    return values if isinstance(values, dict) else {}
