"""``fitwright serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitwright.cli.console import Bars


def serve(
    bundle: Annotated[Path, typer.Argument(help="Bundle or model directory.")],
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 answers other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8000,
    engine: Annotated[str | None, typer.Option(help="torch or onnxruntime; the bundle's by default.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the engine.")] = None,
    max_batch_tokens: Annotated[int, typer.Option(help="Padded tokens in one engine call.")] = 4096,
    max_queue_rows: Annotated[int, typer.Option(help="Texts that may wait; above it 429.")] = 512,
    max_request_rows: Annotated[int, typer.Option(help="Texts in one request; above it 413.")] = 128,
    max_text_characters: Annotated[int, typer.Option(help="Characters of a text; above it 413.")] = 100_000,
    timeout: Annotated[float, typer.Option(help="Seconds a request may take; after it 504.")] = 30.0,
) -> None:
    """Serve a bundle over HTTP: GET /health, POST / as the Hugging Face text-classification task.

    Ctrl-C and SIGTERM stop it cleanly: requests that were taken are answered, and the exit code is 0.

    Example: fitwright serve runs/best --port 8080
    """
    from fitwright.api.serve import serve as run
    from fitwright.serving.settings import ServeSettings

    settings = ServeSettings(
        host=host, port=port, engine=engine, threads=threads, max_batch_tokens=max_batch_tokens,
        max_queue_rows=max_queue_rows, max_request_rows=max_request_rows,
        max_text_characters=max_text_characters, timeout_s=timeout,
    )  # fmt: skip
    run(bundle, settings=settings, progress=Bars())
