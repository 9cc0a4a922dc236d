"""An encoder's layers as one ONNX graph: how the operators of ONNX Runtime fare in a model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

from fitwright.core.optional import require
from fitwright.sizing.profiling import onnx_graphs
from fitwright.sizing.profiling.onnx_runtime import sessions
from fitwright.sizing.profiling.reference import ReferenceModel
from fitwright.sizing.profiling.timing import Call
from fitwright.sizing.trace.program import Op

Shape = tuple[int, int, int, int]
"""Heads, width of a head, width of the feed-forward layer, layers."""
_REFERENCES: Mapping[str, Shape] = {
    "448": (7, 64, 1792, 4), "256": (4, 64, 1024, 4), "320": (10, 32, 1280, 6), "896": (14, 64, 3584, 4),
}  # fmt: skip
"""Of shapes that nobody uses."""
_POINTS = ((1, 24), (4, 64), (1, 96))


def reference_models(threads: int) -> dict[str, ReferenceModel]:
    """Reference models of both precisions, by a name for the progress bar."""
    found = {}
    for (name, shape), precision in itertools.product(_REFERENCES.items(), ("fp32", "int8")):
        for (batch, tokens), call in encoder_calls(shape, precision, _POINTS, threads).items():
            found[f"model encoder-{name} onnxruntime {precision} {batch}×{tokens}"] = ReferenceModel(
                engine="onnxruntime", size="usual", family="encoder", mode="infer", precision=precision,
                ops=encoder_ops(shape, batch, tokens), modules=0, prepare=partial(_after_itself, call),
            )  # fmt: skip
    return found


def encoder_calls(
    shape: Shape, precision: str, points: Sequence[tuple[int, int]], threads: int
) -> dict[tuple[int, int], Call]:
    """Runs of the encoder with random weights, as calls, by (batch, tokens)."""
    np = require("numpy")
    heads, width, feed_forward, layers = shape
    opened = sessions(threads)(onnx_graphs.encoder(heads, width, feed_forward, layers, precision))

    def call(batch: int, tokens: int) -> Call:
        rows = np.random.default_rng(0).standard_normal((batch, tokens, heads * width), dtype=np.float32)
        given = {"x": rows, "mask": np.zeros((batch, 1, tokens, tokens), np.float32)}
        return lambda: opened.run(None, given)

    return {point: call(*point) for point in points}


def encoder_ops(shape: Shape, batch: int, tokens: int) -> list[Op]:
    """The encoder's operators, as a trace of it in torch would name them."""
    heads, width, feed_forward, layers = shape
    hidden, rows = heads * width, batch * tokens

    def op(family: str, name: str, dims: tuple[int, ...], elements: int, count: int, inputs: int = 1) -> Op:
        return Op(family, name, dims, "fp32", 4 * inputs * elements, 4 * elements, count * layers)

    return [
        op("matmul", "addmm", (1, rows, hidden, hidden), rows * hidden, 4),
        op("matmul", "addmm", (1, rows, feed_forward, hidden), rows * feed_forward, 1),
        op("matmul", "addmm", (1, rows, hidden, feed_forward), rows * hidden, 1),
        op("attention", "attention", (batch, heads, heads, tokens, tokens, width, 0), rows * hidden, 1),
        op("norm", "native_layer_norm", (rows, hidden), rows * hidden, 2),
        op("pointwise", "gelu", (), rows * feed_forward, 1),
        op("pointwise", "add", (), rows * hidden, 2, inputs=2),
    ]


def _after_itself(call: Call) -> tuple[Call, Call]:
    """Timed right after an untimed run, as a model that serves one request after another finds the caches."""
    return call, call
