"""The cells of ONNX Runtime on a CPU: small graphs through sessions with the options that serving uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fitwright.core.optional import require
from fitwright.sizing.profiling import onnx_graphs
from fitwright.sizing.profiling.cells import CellPlan, cache_sizes, diagonal
from fitwright.sizing.profiling.timing import Call

Prepared = tuple[Call, Call]

_WEIGHTS = (
    (768, 768), (3072, 768), (384, 384), (1536, 384), (1024, 1024), (512, 512), (2048, 512), (256, 256),
    (1024, 256), (4096, 1024), (128, 512), (2, 768),
)  # fmt: skip
_ROWS = (128, 16, 1024, 4, 48, 384, 1)
_MOST_FLOPS = 3e9
_WEIGHT_BYTES = 8e6
_TRASH_BYTES = 64 * 2**20
_MOST_WARM_ROWS = 512
_MOST_PAIRS = 12
_HEADS = ((12, 64), (12, 32), (4, 64), (16, 64))
_BATCH_TOKENS = ((1, 128), (1, 16), (4, 64), (1, 512), (8, 128), (1, 48), (32, 32), (1, 256))
_BLOCKS = 3
_TIMES = 8
_SESSION_NODES = 36
_OPERATORS = {
    "add": ("Add", 3),
    "gelu": ("Gelu", 2),
    "tanh": ("Tanh", 2),
    "exp": ("Sigmoid", 2),
    "relu": ("Relu", 2),
}
_ELEMENTS = ((128, 1024), (8, 1024), (1024, 1024), (1, 256), (4096, 1024))


def sessions(threads: int) -> Callable[[bytes], Any]:
    """Opens sessions with that many threads, otherwise as :mod:`fitwright.engines.onnxruntime` does."""
    ort = require("onnxruntime")

    def open_session(model: bytes) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    return open_session


def cells(precision: str, threads: int) -> Iterator[CellPlan]:
    """Cells of one precision (fp32 or int8); what does not depend on it is measured with fp32."""
    open_session = sessions(threads)
    yield from linear(precision, open_session)
    if precision == "fp32":
        yield from attention(open_session)
        yield from rows(open_session)
        yield from pointwise(open_session)


def linear(precision: str, open_session: Callable[[bytes], Any]) -> Iterator[CellPlan]:
    """Linear layers, the mean of both directions of a pair: weights out of the caches, and in the last
    one."""
    np = require("numpy")
    caches = sorted(cache_sizes().values())
    width = 4 if precision == "fp32" else 1
    trash = np.zeros(2 * caches[-1] if caches else _TRASH_BYTES, np.int8)

    def pairs(n: int, k: int) -> int:
        return max(1, min(_MOST_PAIRS, round(_WEIGHT_BYTES / (2 * n * k * width))))

    @cache
    def session(n: int, k: int) -> Any:
        return open_session(onnx_graphs.linear_chain(n, k, pairs(n, k), precision))

    def prepare(m: int, n: int, k: int, cold: bool) -> Prepared:
        opened, given = session(n, k), {"x": _values(np, (1, m, k))}
        return (lambda: trash.fill(1)) if cold else _nothing, lambda: opened.run(None, given)

    for m, (n, k) in diagonal(_ROWS, _WEIGHTS):
        if 4.0 * m * n * k * pairs(n, k) > _MOST_FLOPS and pairs(n, k) > 1:
            continue
        fits = len(caches) > 1 and 6 * n * k * width <= caches[-1] and m <= _MOST_WARM_ROWS
        for name in ("linear", "linear_warm") if fits else ("linear",):
            yield CellPlan(
                surface=f"onnxruntime/{precision}/{name}", kind="matmul", at=(m, n, k),
                prepare=_later(prepare, m, n, k, name == "linear"), divide=2 * pairs(n, k),
            )  # fmt: skip


def attention(open_session: Callable[[bytes], Any]) -> Iterator[CellPlan]:
    """Attention without its projections."""
    np = require("numpy")

    @cache
    def session(heads: int, width: int) -> Any:
        return open_session(onnx_graphs.attention_chain(heads, width, _BLOCKS))

    def prepare(batch: int, tokens: int, heads: int, width: int) -> Prepared:
        given = {name: _values(np, (batch, tokens, heads * width)) for name in ("q", "k", "v")}
        given["mask"] = np.zeros((batch, 1, tokens, tokens), np.float32)
        opened = session(heads, width)
        return _nothing, lambda: opened.run(None, given)

    for (batch, tokens), (heads, width) in diagonal(_BATCH_TOKENS, _HEADS):
        yield CellPlan(
            surface="onnxruntime/fp32/attention", kind="attention",
            at=(batch * heads, tokens, 1.0, width),
            prepare=_later(prepare, batch, tokens, heads, width), divide=_BLOCKS,
        )  # fmt: skip


def rows(open_session: Callable[[bytes], Any]) -> Iterator[CellPlan]:
    """Layer normalisation, softmax, and look-ups."""
    np = require("numpy")
    models = {
        "norm": lambda width: onnx_graphs.norm_chain(width, _TIMES),
        "softmax": lambda _: onnx_graphs.pointwise_chain("Softmax", _TIMES),
        "embedding": lambda width: onnx_graphs.gather_chain(8000, width, 2),
    }

    @cache
    def session(name: str, width: int) -> Any:
        return open_session(models[name](width))

    def prepare(name: str, count: int, width: int) -> Prepared:
        opened = session(name, width)
        if name == "embedding":
            ids = np.random.default_rng(0).integers(0, 8000, (1, count))
            return _nothing, lambda: opened.run(None, {"ids": ids})
        given = {"x": _values(np, (1, count, width) if name == "norm" else (count, width))}
        return _nothing, lambda: opened.run(None, given)

    for name, widths in (("norm", (768, 256)), ("softmax", (128,)), ("embedding", (768, 256))):
        for width, count in diagonal(widths, (128, 8, 1024, 4096)):
            yield CellPlan(
                surface=f"onnxruntime/fp32/{name}", kind="rows", at=(count, width),
                prepare=_later(prepare, name, count, width), divide=2 if name == "embedding" else _TIMES,
            )  # fmt: skip


def pointwise(open_session: Callable[[bytes], Any]) -> Iterator[CellPlan]:
    """Curves over bytes."""
    np = require("numpy")

    @cache
    def session(operator: str) -> Any:
        return open_session(onnx_graphs.pointwise_chain(operator, _TIMES))

    def prepare(operator: str, shape: tuple[int, int]) -> Prepared:
        opened = session(operator)
        given = {value.name: _values(np, shape) for value in opened.get_inputs()}
        return _nothing, lambda: opened.run(None, given)

    for shape in _ELEMENTS:
        for name, (operator, moved) in _OPERATORS.items():
            yield CellPlan(
                surface=f"onnxruntime/fp32/{name}", kind="bytes", at=(4.0 * moved * shape[0] * shape[1],),
                prepare=_later(prepare, operator, shape), divide=_TIMES,
            )  # fmt: skip


def session_cell(threads: int) -> CellPlan:
    """A run that hardly works."""
    np = require("numpy")
    opened = sessions(threads)(onnx_graphs.session_chain(_SESSION_NODES))
    given = {"mask": np.ones((1, 128), np.float32)}
    return CellPlan(
        surface="onnxruntime/session", kind="bytes", at=(1.0,),
        prepare=lambda: (_nothing, lambda: opened.run(None, given)),
    )  # fmt: skip


def _values(np: Any, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _nothing() -> None:
    return None


def _later(make: Callable[..., Prepared], *arguments: Any) -> Callable[[], Prepared]:
    return lambda: make(*arguments)
