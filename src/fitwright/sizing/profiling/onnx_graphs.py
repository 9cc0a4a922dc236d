"""Small ONNX graphs that hold what a served text classifier is made of, several times in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fitwright.core.optional import require

OPSET = 20
IR_VERSION = 10


@dataclass
class Graph:
    """An ONNX graph in the making.

    Attributes:
        nodes: in order.
        constants: name → NumPy array.
        layers: linear layers and normalisations so far; each gets values of its own, so that none is merged.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    layers: int = 0
    _count: int = 0

    def constant(self, value: Any) -> str:
        """The name of a new initializer that holds the NumPy array ``value``."""
        name = self._name("c")
        self.constants[name] = value
        return name

    def add(self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        """A new node; the name of its output, or the names of its outputs."""
        made = [self._name("t") for _ in range(outputs)]
        self.nodes.append(require("onnx").helper.make_node(operator, list(inputs), made, **attributes))
        return made[0] if outputs == 1 else made

    def model(self, inputs: dict[str, tuple[str, tuple[Any, ...]]], outputs: Sequence[str]) -> bytes:
        """The finished model, serialised.

        Args:
            inputs: name → (``float`` or ``int64``, dimensions; text where free).
            outputs: names; all are floats of unknown shape.
        """
        onnx = require("onnx")
        helper, kinds = onnx.helper, {"float": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64}
        given = [helper.make_tensor_value_info(n, kinds[k], shape) for n, (k, shape) in inputs.items()]
        made = [helper.make_tensor_value_info(n, kinds["float"], None) for n in outputs]
        weights = [onnx.numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "cell", given, made, initializer=weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        content: bytes = model.SerializeToString()
        return content

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"


def linear_chain(outputs: int, inputs: int, pairs: int, precision: str) -> bytes:
    """``pairs`` times two linear layers, ``inputs`` → ``outputs`` → ``inputs``, each with weights of its own.

    fp32: MatMul and Add. int8: the nodes that dynamic quantisation with signed weights, one scale a column,
    puts in their place; ONNX Runtime fuses them as it does in a quantised model.
    """
    graph, at = Graph(), "x"
    for _ in range(pairs):
        at = _linear(graph, _linear(graph, at, inputs, outputs, precision), outputs, inputs, precision)
    return graph.model({"x": ("float", (1, "rows", inputs))}, [at])


def attention_chain(heads: int, width: int, blocks: int) -> bytes:
    """``blocks`` times attention without its projections, as the exporter leaves it."""
    graph, given = Graph(), ["q", "k", "v"]
    for _ in range(blocks):
        given = [_attention(graph, given, heads, width), given[0], given[1]]
    sides = dict.fromkeys(("q", "k", "v"), ("float", ("batch", "tokens", heads * width)))
    return graph.model({**sides, "mask": ("float", ("batch", 1, "tokens", "tokens"))}, [given[0]])


def encoder(heads: int, width: int, feed_forward: int, layers: int, precision: str) -> bytes:
    """The layers of a BERT-like encoder, from ``x`` (batch, tokens, heads · width) and an additive mask."""
    graph, at, hidden = Graph(), "x", heads * width
    for _ in range(layers):
        given = [_linear(graph, at, hidden, hidden, precision) for _ in range(3)]
        context = _linear(graph, _attention(graph, given, heads, width), hidden, hidden, precision)
        at = _norm(graph, graph.add("Add", [context, at]), hidden)
        inner = graph.add("Gelu", [_linear(graph, at, hidden, feed_forward, precision)])
        at = _norm(
            graph, graph.add("Add", [_linear(graph, inner, feed_forward, hidden, precision), at]), hidden
        )
    rows, mask = ("batch", "tokens", hidden), ("batch", 1, "tokens", "tokens")
    return graph.model({"x": ("float", rows), "mask": ("float", mask)}, [at])


def _linear(graph: Graph, at: str, inputs: int, outputs: int, precision: str) -> str:
    np = require("numpy")
    graph.layers += 1
    weight = _spread(np, (inputs, outputs), seed=graph.layers)
    if precision == "fp32":
        product = graph.add("MatMul", [at, graph.constant(weight)])
    else:
        scale = np.abs(weight).max(axis=0) / 63.0  # 7 bits: exact on processors that saturate, too
        quantised = graph.constant(np.round(weight / scale).astype(np.int8))
        zero = graph.constant(np.zeros(outputs, np.int8))
        given, given_scale, given_zero = graph.add("DynamicQuantizeLinear", [at], outputs=3)
        counted = graph.add("MatMulInteger", [given, quantised, given_zero, zero])
        factor = graph.add("Mul", [given_scale, graph.constant(scale.astype(np.float32))])
        product = graph.add("Mul", [graph.add("Cast", [counted], to=1), factor])
    bias = graph.constant(np.full(outputs, 1e-3 * graph.layers, np.float32))
    made: str = graph.add("Add", [product, bias])
    return made


def _attention(graph: Graph, given: Sequence[str], heads: int, width: int) -> str:
    """Heads are split and permuted, scores get a mask, contexts are permuted back."""
    np = require("numpy")
    split = graph.constant(np.array([0, 0, heads, width], np.int64))
    merge = graph.constant(np.array([0, 0, heads * width], np.int64))
    scale = graph.constant(np.array(width**-0.5, np.float32))
    orders = ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
    q, k, v = (
        graph.add("Transpose", [graph.add("Reshape", [one, split])], perm=order)
        for one, order in zip(given, orders, strict=True)
    )
    scores = graph.add("Mul", [graph.add("MatMul", [q, k]), scale])
    share = graph.add("Softmax", [graph.add("Add", [scores, "mask"])], axis=-1)
    context = graph.add("Transpose", [graph.add("MatMul", [share, v])], perm=[0, 2, 1, 3])
    made: str = graph.add("Reshape", [context, merge])
    return made


def _norm(graph: Graph, at: str, width: int) -> str:
    np = require("numpy")
    graph.layers += 1
    scale = graph.constant(np.full(width, 1 + 1e-3 * graph.layers, np.float32))
    shift = graph.constant(np.full(width, 1e-3 * graph.layers, np.float32))
    made: str = graph.add("LayerNormalization", [at, scale, shift], axis=-1, epsilon=1e-5)
    return made


def _spread(np: Any, shape: tuple[int, int], seed: int) -> Any:
    """Random weights that keep the size of activations: standard deviation 1/√inputs."""
    values = np.random.default_rng(seed).standard_normal(4096 + 1, dtype=np.float32)
    return np.resize(values, shape) / np.float32(np.sqrt(shape[0]))


def norm_chain(width: int, times: int) -> bytes:
    """``times`` layer normalisations in a row, each with scale and shift of its own."""
    graph, at = Graph(), "x"
    for _ in range(times):
        at = _norm(graph, at, width)
    return graph.model({"x": ("float", (1, "rows", width))}, [at])


def pointwise_chain(operator: str, times: int) -> bytes:
    """``times`` pointwise operators in a row; ``Add`` and ``Mul`` take a second tensor of the same shape."""
    graph, at = Graph(), "x"
    for number in range(times):
        if operator in ("Add", "Mul"):
            at = graph.add(operator, [at, "y" if number % 2 else "z"])
        elif operator == "Softmax":
            at = graph.add(operator, [at], axis=-1)
        else:
            at = graph.add(operator, [at])
    names = ("x", "y", "z") if operator in ("Add", "Mul") else ("x",)
    return graph.model(dict.fromkeys(names, ("float", ("rows", "width"))), [at])


def gather_chain(entries: int, width: int, times: int) -> bytes:
    """``times`` look-ups in tables of their own, added up."""
    np, graph = require("numpy"), Graph()
    found = [
        graph.add("Gather", [graph.constant(_spread(np, (entries, width), seed=i)), "ids"], axis=0)
        for i in range(times)
    ]
    return graph.model({"ids": ("int64", (1, "rows"))}, found)


def session_chain(times: int) -> bytes:
    """``times`` nodes that hardly work: what a run and the nodes that prepare its mask cost."""
    np, graph = require("numpy"), Graph()
    front, at = graph.constant(np.array([1], np.int64)), "mask"
    for _ in range(times // 2):
        at = graph.add("Squeeze", [graph.add("Unsqueeze", [at, front]), front])
        front = graph.constant(np.array([1], np.int64))
    return graph.model({"mask": ("float", (1, "tokens"))}, [graph.add("Abs", [at])])
