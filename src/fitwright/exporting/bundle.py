"""A directory that serves: config and tokenizer, one engine file, and the manifest that names it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, plain_os_errors, read_json, sha256_file
from fitwright.core.progress import Progress, Silent
from fitwright.core.provenance import capture
from fitwright.engines.artefact import Artefact
from fitwright.engines.onnxruntime import NAME, STANDARD_PATH, OnnxRuntimeEngine
from fitwright.engines.pytorch import TorchEngine
from fitwright.exporting.agreement import Agreement, compare_engines, padded_batches
from fitwright.exporting.onnx import TOLERANCE, export_onnx
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.spec.manifest import MANIFEST_NAME, Manifest

ExportPrecision = Literal["fp32", "int8"]
EXPORT_PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True, kw_only=True)
class BundleResult:
    """What :func:`export_model` wrote.

    Attributes:
        directory: the bundle.
        engine_file: the graph that serves.
        precision: of its weights.
        max_difference: largest difference of a logit, fp32 graph against torch; under the tolerance.
        served: the file that serves against torch: for int8 this is what quantisation changed.
        size_bytes: of the engine file.
        seconds: wall time of export and check.
    """

    directory: Path
    engine_file: Path
    precision: str
    max_difference: float
    served: Agreement
    size_bytes: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "bundle": str(self.directory), "engine": NAME, "file": str(self.engine_file),
            "precision": self.precision, "size_bytes": self.size_bytes,
            "check": {
                "max_difference": self.max_difference, "rows": self.served.rows,
                "served_max_difference": self.served.max_difference,
                "served_same_answers": self.served.same_answers,
            },
            "seconds": self.seconds,
        }  # fmt: skip


def export_model(
    model_dir: Path,
    output_dir: Path,
    *,
    precision: ExportPrecision = "fp32",
    quantize: Callable[[Path, Path], None] | None = None,
    tolerance: float = TOLERANCE,
    command: str = "fitwright export",
    made_at: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> BundleResult:
    """Make a bundle of a model directory: an ONNX engine that was checked against torch, and what it needs.

    The source's weights are not copied. The folder appears whole or not at all.

    Args:
        model_dir: Hugging Face layout with safetensors weights and a classification head.
        output_dir: the bundle to make.
        precision: of the weights in the engine file.
        quantize: makes the int8 file of the fp32 one; needed for ``int8`` only
            (``compression.quantize.quantize_int8``).
        tolerance: largest accepted difference of a logit of the fp32 graph.
        command, made_at: for the manifest's provenance.
        overwrite: replace another result in ``output_dir``; what fitwright did not make is never replaced.
        progress: where to report to.

    Raises:
        UsageError: no classifier there, an unknown precision, or an output folder that holds something.
        RunError: the architecture cannot be exported, or the check failed.
    """
    if precision not in EXPORT_PRECISIONS:
        raise UsageError("unknown export precision", got=precision, allowed=", ".join(EXPORT_PRECISIONS))
    if precision == "int8" and quantize is None:
        raise UsageError("an int8 export needs a quantiser")
    artefact = Artefact.open(Path(model_dir))
    artefact.require_classifier()
    _check_output(artefact.directory, Path(output_dir), overwrite=overwrite)
    progress = progress or Silent()
    with new_directory(Path(output_dir)) as work:
        result, served = _write_engine(artefact.directory, work, precision, quantize, tolerance, progress)
        copy_description(artefact.directory, work)
        manifest = _manifest(artefact, work, precision, tolerance, command, made_at)
        manifest.write(work)
    engine_file = Path(output_dir) / STANDARD_PATH
    return BundleResult(
        directory=Path(output_dir), engine_file=engine_file, precision=precision,
        max_difference=result.max_difference, served=served, size_bytes=engine_file.stat().st_size,
        seconds=result.seconds,
    )  # fmt: skip


def copy_description(model_dir: Path, output_dir: Path) -> None:
    """Copy what an engine needs beside its file: ``config.json``, the tokenizer, and the model card."""
    with plain_os_errors("write", output_dir):
        copy_tokenizer(model_dir, output_dir)
        for name in ("config.json", "README.md"):
            if (model_dir / name).is_file():
                shutil.copyfile(model_dir / name, output_dir / name)


def engine_entry(directory: Path, precision: str) -> Mapping[str, Any]:
    """The manifest's ``engines`` entry for the ONNX file that lies in ``directory``."""
    file = directory / STANDARD_PATH
    return {NAME: {"path": STANDARD_PATH, "precision": precision, "sha256": sha256_file(file)}}


def _write_engine(
    model_dir: Path,
    work: Path,
    precision: str,
    quantize: Callable[[Path, Path], None] | None,
    tolerance: float,
    progress: Progress,
) -> tuple[Any, Agreement]:
    """Export into ``work``, quantise if asked, and compare the file that serves with torch."""
    final = work / STANDARD_PATH
    if precision == "fp32" or quantize is None:
        result = export_onnx(model_dir, final, tolerance=tolerance, progress=progress)
    else:
        with tempfile.TemporaryDirectory(dir=work) as draft_dir:
            draft = Path(draft_dir) / "fp32.onnx"
            result = export_onnx(model_dir, draft, tolerance=tolerance, progress=progress)
            progress.say("quantising to int8")
            quantize(draft, final)
    batches = padded_batches(read_json(model_dir / "config.json", what="config.json"))
    engine = OnnxRuntimeEngine.load(final, precision=precision)
    return result, compare_engines(TorchEngine.load(model_dir), engine, batches)


def _manifest(
    artefact: Artefact, work: Path, precision: str, tolerance: float, command: str, made_at: str | None
) -> Manifest:
    source = artefact.manifest or Manifest(kind="model", stage="train", task="text-classification")
    weights = sorted(artefact.directory.glob("model*.safetensors"))
    sha256 = sha256_file(weights[0]) if len(weights) == 1 else None
    return replace(
        source, kind="bundle", stage="export", labels=artefact.labels(),
        made_from={"model": str(artefact.directory), "sha256": sha256},
        settings={"precision": precision, "tolerance": tolerance, "source_settings": dict(source.settings)},
        provenance=capture(command, made_at).as_json(),
        engines=engine_entry(work, precision), default_engine=NAME, max_length=artefact.max_length_tokens(),
    )  # fmt: skip


def _check_output(model_dir: Path, output_dir: Path, *, overwrite: bool) -> None:
    if output_dir.resolve() == model_dir.resolve():
        raise UsageError("the bundle cannot replace the model directory it is made of", got=str(output_dir))
    if output_dir.exists() and not output_dir.is_dir():
        raise UsageError("the output is a file, not a folder", got=str(output_dir))
    if not output_dir.is_dir() or not any(output_dir.iterdir()):
        return
    if not (output_dir / MANIFEST_NAME).is_file():
        raise UsageError(
            "the output folder already holds something that fitwright did not make", got=str(output_dir),
            mend="Choose another folder.",
        )  # fmt: skip
    if not overwrite:
        raise UsageError(
            "the output folder already holds something", got=str(output_dir),
            mend="Choose another folder, or add --overwrite.",
        )  # fmt: skip
