"""What ONNX Runtime runs for an operator of a torch inference trace of a text model.

Dropout, views and copies leave no node behind. Attention is one surface, its permutations and its mask
included, so the parts of a plain attention in the trace are priced as halves of it. Normalisation,
activations and look-ups run in fp32 whatever the precision of the products.
"""

from __future__ import annotations

from fitwright.sizing.pricing.classes import Place, place_of
from fitwright.sizing.trace.program import Op

_FREE = frozenset({"copy", "clone", "cast", "fill", "where", "compare", "mean", "bernoulli"})
_RENAMED = {"sqrt": "add", "pow": "exp", "silu": "exp", "cat": "add", "gather": "add"}
_LEAST_BYTES = 4096


def onnx_places(op: Op, precision: str) -> list[tuple[Place, float]]:
    """Surfaces with how often each is paid; empty where the graph has no node for the operator."""
    place = place_of(op)
    name = place.surfaces[0]
    if op.family == "matmul":
        if name == "linear":
            return [(Place(precision, ("linear",), place.at), 1.0)]
        heads, queries, _, width = place.at
        keys = op.dims[2] if name == "bmm_scores" else op.dims[3]
        return [(Place("fp32", ("attention",), (heads, queries, keys / queries, width)), 0.5)]
    if op.family == "attention":
        return [(Place("fp32", ("attention",), place.at), 1.0)]
    if op.family in ("norm", "embedding"):
        return [(Place("fp32", (op.family,), place.at), 1.0)]
    if op.family == "softmax":  # part of attention
        return []
    if name in _FREE or op.family == "copy" or op.read_bytes + op.written_bytes < _LEAST_BYTES:
        return []
    return [(Place("fp32", (_RENAMED.get(name, name), "add"), place.at), 1.0)]
