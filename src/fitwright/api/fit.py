"""``fit``: data, a task and a budget → the smallest model that does the job, its report and its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.pipeline.result import FitResult
    from fitwright.pipeline.settings import FitSettings


def fit(
    data: str | Path,
    *,
    output: str | Path,
    budget: str | None = None,
    model: str | tuple[str, ...] = (),
    settings: FitSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> FitResult:
    """Run the whole loop on ``data``.

    Args:
        data: CSV, TSV, JSON lines or Parquet with a text and a label column.
        output: the workspace; the same call again continues where the last one stopped.
        budget: in the budget grammar, for example ``"latency-p95=0.33x,size=25MB,max-drop=1.0"``.
        model: sources to consider: folders, catalogue names, Hub ids.
        settings: everything else; ``budget`` and ``model`` given here win.
        overwrite: give up what another fit left in ``output``.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made the result.

    Returns:
        The result; ``result.met`` tells whether the budget holds, ``result.bundle`` is what serves.

    Raises:
        DataError, UnknownModelError, UsageError: see the message. RunError: disk full and the like.
    """
    from dataclasses import replace

    from fitwright.core.optional import require

    for module in ("torch", "onnxruntime"):
        require(module)
    from fitwright.api.train import provenance_json
    from fitwright.pipeline.fit import fit as run
    from fitwright.pipeline.settings import FitSettings

    settings = settings or FitSettings()
    if budget is not None:
        settings = replace(settings, budget=budget)
    if model:
        settings = replace(settings, models=(model,) if isinstance(model, str) else tuple(model))
    return run(
        Path(data), Path(output), settings, progress=progress or Silent(), overwrite=overwrite,
        provenance=provenance_json(command or f"fitwright.fit({str(data)!r}, output={str(output)!r})"),
    )  # fmt: skip
