"""``evaluate``: a model directory or a bundle and labelled data → quality, speed, memory, size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fitwright.core.progress import Progress

if TYPE_CHECKING:
    from fitwright.evaluation.evaluate import Evaluation, EvaluationSettings


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    against: str | Path | None = None,
    engine: str | None = None,
    split: Literal["all", "test"] = "all",
    text: str | None = None,
    label: str | None = None,
    settings: EvaluationSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure ``model`` on ``data``, beside its source where one is given.

    Speed, memory and size go into this user's ledger, beside what was estimated for them.

    Args:
        model: a model directory or a bundle.
        data: CSV, TSV, JSON lines or Parquet with a text and a label column.
        against: model directory of the source; measured with torch fp32 on the same rows in the same run.
        engine: ``torch`` or ``onnxruntime``; ``None`` takes the one that serves.
        split: ``all`` rows, or the ``test`` part of the split that the model was trained with.
        text, label: column names; detected when not given.
        settings: how to measure.
        progress: where progress is reported; nowhere by default.

    Returns:
        Records of the model and its source, ratios, answers, raw samples and warnings.

    Raises:
        DataError, UsageError: see the message. RunError: a broken engine file.
    """
    from fitwright.core.optional import require

    require("numpy")
    require("tokenizers")
    from fitwright.data.dataset import load_labelled
    from fitwright.engines.artefact import Artefact
    from fitwright.evaluation.evaluate import evaluate as measure
    from fitwright.evaluation.rows import choose_rows

    artefact = Artefact.open(Path(model))
    artefact.require_classifier()
    dataset, source = load_labelled(Path(data), text=text, label=label, names=artefact.labels())
    rows, warnings = choose_rows(dataset, source.fingerprint, artefact.manifest, split)
    return measure(
        Path(model), rows, engine=engine, against=None if against is None else Path(against),
        settings=settings, context={"split": split, "data": source.fingerprint}, warnings=warnings,
        keep_as="evaluate", progress=progress,
    )  # fmt: skip
