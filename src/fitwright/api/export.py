"""``export``: a model directory → a bundle with an engine file, checked against the source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress

if TYPE_CHECKING:
    from fitwright.exporting.bundle import BundleResult, ExportPrecision


def export(
    model: str | Path,
    output: str | Path,
    *,
    precision: ExportPrecision = "fp32",
    tolerance: float = 1e-4,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> BundleResult:
    """Export ``model`` to ONNX, check it against torch, and make a bundle that serves it.

    Args:
        model: a model directory with safetensors weights and a classification head.
        output: the bundle to make.
        precision: ``fp32``, or ``int8`` (dynamic, embeddings too).
        tolerance: largest accepted absolute difference of a logit, fp32 graph against torch.
        overwrite: replace ``output`` where it exists.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made the result.

    Returns:
        The bundle's folder, its engine file and its size, and how far it is from torch.

    Raises:
        UsageError: no classifier there, or an output folder that holds something.
        RunError: the architecture cannot be exported, or the graph does not answer like torch.
    """
    from datetime import UTC, datetime

    from fitwright.compression.quantize import quantize_int8
    from fitwright.exporting.bundle import export_model

    return export_model(
        Path(model), Path(output), precision=precision, quantize=quantize_int8, tolerance=tolerance,
        overwrite=overwrite, progress=progress,
        command=command or f"fitwright.export({str(model)!r}, {str(output)!r}, precision={precision!r})",
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
