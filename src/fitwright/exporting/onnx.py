"""A model directory's classifier as one ONNX file that answers like torch, whatever the padding.

Shapes: B rows, T tokens, C classes; B and T are free in the graph.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import RunError, UsageError
from fitwright.core.files import plain_os_errors
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent
from fitwright.engines.onnxruntime import OnnxRuntimeEngine
from fitwright.engines.pytorch import TorchEngine
from fitwright.exporting.agreement import compare_engines, padded_batches
from fitwright.modeling.own import refuse_local_attention
from fitwright.modeling.quiet import quiet_transformers

TOLERANCE = 1e-4
"""Largest accepted absolute difference of a logit, fp32 graph against fp32 torch."""

MAX_FILE_BYTES = 2**31 - 1
"""A protobuf message, and so an ONNX file with its weights inside, cannot be larger."""


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """What was written and how far it is from torch.

    Attributes:
        path: the ONNX file.
        max_difference: largest absolute difference of a logit over the rows of the check.
        rows_checked: rows that were compared, most of them padded.
        seconds: wall time of export and check.
    """

    path: Path
    max_difference: float
    rows_checked: int
    seconds: float


def export_onnx(
    model_dir: Path,
    output: Path,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> ExportResult:
    """Write the classifier in ``model_dir`` to ``output`` as ONNX, fp32, and hold it against torch.

    The graph takes ``input_ids`` and ``attention_mask``, both (B, T) int64, and gives ``logits``, (B, C)
    fp32. ``output`` appears only after the check has passed.

    Args:
        model_dir: Hugging Face layout with safetensors weights and a classification head.
        output: the file to write; its folder is made.
        tolerance: largest accepted absolute difference of a logit.
        progress: where to report to.
        clock: seconds, monotonic.

    Raises:
        UsageError: no classifier in ``model_dir``, one that attends within windows, or one too large for a
            single ONNX file.
        RunError: the architecture cannot be exported, or the graph's answers differ from torch's.
    """
    for module in ("torch", "transformers", "onnx", "onnxscript", "onnxruntime"):
        require(module)
    refuse_local_attention(model_dir, "be exported")
    started = clock()
    with (progress or Silent()).task("export to ONNX", 3, "steps") as task:
        reference = TorchEngine.load(model_dir)
        model = _load_for_export(model_dir)
        task.advance(note="tracing")
        proto = _strip(_trace(model))
        _check_size(proto, model_dir)
        task.advance(note="checking against torch")
        with plain_os_errors("write", output):
            output.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as work:
                draft = Path(work) / output.name
                draft.write_bytes(proto.SerializeToString())
                batches = padded_batches(model.config.to_dict())
                found = compare_engines(reference, OnnxRuntimeEngine.load(draft, precision="fp32"), batches)
                if not found.max_difference <= tolerance:
                    raise RunError(
                        f"the exported graph of {model_dir} does not answer like torch: a logit differs",
                        got=f"{found.max_difference:.2g}",
                        allowed=f"at most {tolerance:g}",
                        mend="Serve it with the torch engine, and report the architecture.",
                    )
                draft.replace(output)
        task.advance(note=f"largest difference {found.max_difference:.1g}")
    return ExportResult(
        path=output, max_difference=found.max_difference, rows_checked=found.rows, seconds=clock() - started
    )


def _load_for_export(model_dir: Path) -> Any:
    """The classifier with plain attention: its graph has a third of the nodes of the fused one's."""
    auto = require("transformers").AutoModelForSequenceClassification
    options: dict[str, Any] = {
        "dtype": "float32", "use_safetensors": True, "trust_remote_code": False, "local_files_only": True,
    }  # fmt: skip
    with quiet_transformers():
        try:
            model = auto.from_pretrained(model_dir, attn_implementation="eager", **options)
        except ValueError:  # an architecture that has only its own attention
            model = auto.from_pretrained(model_dir, **options)
    return model.eval()


def _trace(model: Any) -> Any:
    """The classifier's ONNX ``ModelProto``; weights inside, each once, batch and sequence free.

    The example rows are ragged on purpose. With a mask of ones alone transformers leaves the mask out of
    the graph, and the file would answer wrongly, and silently, for every padded row.
    """
    torch = require("torch")
    batch = padded_batches(model.config.to_dict())[1]
    inputs = (torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask))
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                _logits_only(model).eval(), inputs, dynamo=True, external_data=False, verbose=False,
                input_names=["input_ids", "attention_mask"], output_names=["logits"],
                dynamic_shapes={"input_ids": free, "attention_mask": free},
            )  # fmt: skip
    except Exception as error:  # the exporter raises its own kinds for whatever it cannot trace
        kind = getattr(model.config, "model_type", "unknown")
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise RunError(f"this architecture ({kind}) cannot be exported to ONNX: {line}") from error
    return program.model_proto


def _logits_only(model: Any) -> Any:
    """A module that takes the two inputs that every engine feeds, and gives the logits alone."""
    torch = require("torch")

    class Logits(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    return Logits()


def _strip(proto: Any) -> Any:
    """Drop what no engine reads: source lines of the exporting machine, recorded shapes."""
    del proto.graph.value_info[:]
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        value.ClearField("doc_string")
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    return proto


def _check_size(proto: Any, model_dir: Path) -> None:
    size = proto.ByteSize()
    if not 0 <= size <= MAX_FILE_BYTES:
        raise UsageError(
            f"the model in {model_dir} is too large for one ONNX file", got=size, allowed="2 GiB of weights"
        )


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence three known remarks of the exporter that ask nothing of the user; everything else stays.

    That torchvision is not installed (its operators are not used), and two deprecations inside torch.
    """
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)")
            warnings.filterwarnings(
                "ignore", category=DeprecationWarning, module=r"(torch|onnxscript|copyreg)\b"
            )
            yield
    finally:
        logger.setLevel(level)
