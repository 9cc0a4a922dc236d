"""``predict``: a model directory or a bundle and texts → answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress

if TYPE_CHECKING:
    from fitwright.engines.prediction import Prediction


def predict(
    model: str | Path,
    texts: str | Sequence[str],
    *,
    engine: str | None = None,
    threads: int | None = None,
    batch_size: int = 32,
    top_k: int | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Classify ``texts`` with ``model``.

    Args:
        model: a model directory or a bundle.
        texts: one text or several.
        engine: ``torch`` or ``onnxruntime``; ``None`` takes the bundle's default, else torch.
        threads: of the engine; ``None`` takes the engine's default.
        batch_size: rows that the engine sees at once.
        top_k: classes kept in ``scores``; ``None`` keeps all.
        progress: where progress is reported; nowhere by default.

    Returns:
        One answer a text, in order: ``.text``, ``.label``, ``.score``, ``.scores``.

    Raises:
        UsageError: no such directory or engine, or it holds no text classifier.
        RunError: a broken model or engine file.
    """
    from fitwright.core.optional import require

    require("numpy")
    require("tokenizers")
    from fitwright.engines.classifier import TextClassifier
    from fitwright.engines.prediction import predictions

    classifier = TextClassifier.load(Path(model), engine=engine, threads=threads)
    rows = [texts] if isinstance(texts, str) else list(texts)
    return predictions(classifier, rows, batch_size=batch_size, top_k=top_k, progress=progress)
