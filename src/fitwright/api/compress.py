"""``compress``: a fine-tuned model, its data and a budget → the first smaller model that meets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.compression.search import SearchSettings
    from fitwright.pipeline.compress import Compressed


def compress(
    model: str | Path,
    data: str | Path,
    *,
    output: str | Path,
    budget: str,
    text: str | None = None,
    label: str | None = None,
    epochs: int = 4,
    settings: SearchSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> Compressed:
    """Shrink ``model`` until ``budget`` holds: int8 first, then students of fewer layers, taught by it.

    Args:
        model: model directory of a text classifier, as ``train`` makes it.
        data: what it was trained on; the split that its manifest names is made again.
        output: the smaller model's directory, with the engine that serves.
        budget: in the budget grammar; ``max-drop`` is the quality gate.
        text, label: columns; the model's own when not given.
        epochs: of every distillation, where ``settings`` are not given.
        settings: of the search; their budget wins over ``budget``. Split and length are the model's own.
        overwrite: replace another result in ``output``.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made the result.

    Raises:
        DataError, UsageError: see the message. RunError: disk full and the like.
    """
    from fitwright.core.optional import require

    for module in ("torch", "onnxruntime"):
        require(module)
    from fitwright.api.train import provenance_json
    from fitwright.pipeline.compress import Request
    from fitwright.pipeline.compress import compress as run
    from fitwright.pipeline.settings import FitSettings

    request = Request(
        model=Path(model), data=Path(data), output=Path(output), text=text, label=label, overwrite=overwrite,
        provenance=provenance_json(command or f"fitwright.compress({str(model)!r}, {str(data)!r})"),
    )  # fmt: skip
    settings = settings or FitSettings(budget=budget, distil_epochs=epochs).search()
    return run(request, settings, progress or Silent())
