"""Torch's thread count is one for the whole process: measuring may change it, training must not feel it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fitwright.core.optional import require


@contextlib.contextmanager
def keep_torch_threads(count: int | None = None) -> Iterator[None]:
    """Put the thread count back after the block; inside it is ``count``, where that is given.

    Without it a student would be taught with the threads of the measurement before it, and a resumed run,
    which skips that measurement, would end with other bits.
    """
    torch = require("torch")
    before: int = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
