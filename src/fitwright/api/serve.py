"""``serve``: a bundle → an HTTP service, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress

if TYPE_CHECKING:
    from fitwright.serving.settings import ServeSettings


def serve(
    bundle: str | Path, *, settings: ServeSettings | None = None, progress: Progress | None = None
) -> None:
    """Answer text-classification requests over HTTP; returns after SIGINT or SIGTERM, the queue answered.

    Args:
        bundle: a bundle or a model directory.
        settings: address, limits and engine; by default http://127.0.0.1:8000.
        progress: is told the port, and the address when the model is ready; nobody is by default.

    Raises:
        UsageError: no such directory, engine or host.
        RunError: the port is taken, or the model cannot be loaded.
    """
    from fitwright.core.optional import require

    for module in ("numpy", "tokenizers", "fastapi", "uvicorn"):
        require(module)
    from fitwright.serving.server import run_server
    from fitwright.serving.settings import ServeSettings

    run_server(Path(bundle), settings or ServeSettings(), progress)
