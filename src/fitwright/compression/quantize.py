"""Dynamic int8: weights and embeddings as bytes, activations scaled as they come. No calibration data."""

from __future__ import annotations

import contextlib
import logging
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fitwright.core.errors import RunError, UsageError
from fitwright.core.files import plain_os_errors
from fitwright.core.optional import require
from fitwright.core.provenance import processor_flags

_WIDE_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8"})
"""Flags of x86 processors that add u8 × s8 products in 32 bits."""


def quantize_int8(onnx_path: Path, output: Path, *, reduce_range: bool | None = None) -> None:
    """Write an int8 copy of a fp32 ONNX classifier.

    Matrix products get signed 8-bit weights with one scale an output channel, embedding tables one scale a
    table; activations are quantised at run time over the whole batch, so that an answer depends a little on
    the rows beside it.

    Args:
        onnx_path: fp32 graph as :func:`fitwright.exporting.onnx.export_onnx` writes it.
        output: file to write, whole or not at all.
        reduce_range: keep weights to 7 bits; ``None`` asks :func:`needs_reduced_range` of this machine.
            Decide it for the machine that will serve.

    Raises:
        UsageError: no such file.
        RunError: the graph cannot be quantised.
    """
    onnx, quantization = require("onnx"), require("onnxruntime.quantization")
    if not onnx_path.is_file():
        raise UsageError("ONNX file not found", got=str(onnx_path), mend="Run: fitwright export MODEL OUTPUT")
    reduced = (
        needs_reduced_range(processor_flags(), platform.machine()) if reduce_range is None else reduce_range
    )
    with plain_os_errors("write", output):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as work:
            draft = Path(work) / output.name
            try:
                graph = onnx.load(onnx_path)
                del graph.graph.value_info[:]  # recorded shapes of the exporter clash with the inserted nodes
                with _quiet_quantizer():
                    quantization.quantize_dynamic(
                        graph, draft, per_channel=True, reduce_range=reduced,
                        weight_type=quantization.QuantType.QInt8,
                        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
                    )  # fmt: skip
            except OSError:
                raise
            except Exception as error:  # protobuf, shape inference and the quantiser each raise their own
                line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                raise RunError(f"{onnx_path} cannot be quantised: {line}") from error
            draft.replace(output)


def needs_reduced_range(flags: frozenset[str], machine: str) -> bool:
    """Whether 8-bit weights could overflow on that processor, so that 7 bits are safer.

    x86 without VNNI or AMX multiplies u8 × s8 with ``VPMADDUBSW``, which adds two products in 16 bits and
    saturates (255 × 127 × 2 > 32767). Source: ONNX Runtime documentation, "Quantize ONNX models", and Intel's
    description of the instruction. ARM is not concerned. Unknown x86 counts as concerned.

    Args:
        flags: as Linux names them; empty where unknown.
        machine: as ``platform.machine()`` names it.
    """
    return machine.lower() in ("x86_64", "amd64", "i686") and not flags & _WIDE_DOT_PRODUCTS


@contextlib.contextmanager
def _quiet_quantizer() -> Iterator[None]:
    """Drop the quantiser's remarks, which it writes to the root logger: pre-processing is not wanted here."""

    def keep(record: logging.LogRecord) -> bool:
        return "onnxruntime" not in record.pathname

    root = logging.getLogger()
    had_handlers = bool(root.handlers)
    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)
        if not had_handlers:  # logging.warning() on a bare root installs a handler of its own
            root.handlers.clear()
