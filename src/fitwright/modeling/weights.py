"""Weight files that cannot be written, said in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fitwright.core.errors import RunError
from fitwright.core.optional import require

_PLAIN = {28: "the disk is full", 122: "the disk quota is used up", 30: "the file system is read-only"}


@contextlib.contextmanager
def plain_weight_errors(folder: Path) -> Iterator[None]:
    """Turn what safetensors raises while it writes into ``folder`` into a one-line :class:`RunError`.

    Its errors carry the system's number in their text alone: ``... (os error 28)``.
    """
    try:
        yield
    except require("safetensors").SafetensorError as error:
        text = " ".join(str(error).split())
        reason = next((plain for number, plain in _PLAIN.items() if f"os error {number})" in text), text)
        raise RunError(
            f"cannot write {folder}: {reason}",
            mend="Free some space, then run the same command again: it resumes.",
        ) from error
