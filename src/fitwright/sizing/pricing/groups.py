"""Groups of work that fare alike inside a model: what a profile's reference models can tell apart."""

from __future__ import annotations

from collections.abc import Mapping

from fitwright.sizing.pricing.classes import place_of
from fitwright.sizing.trace.program import Op

FEW_ROWS = 64
"""Products with no more rows than this spend their time on fetching weights, those with more on
arithmetic."""

FETCHED, PRODUCTS, ATTENTION, ROWS, MOVED = "few-row products", "products", "attention", "rows", "moved"
PYTHON, FAULTS, SESSION = "python", "page faults", "session"
BESIDE_OPERATORS = (PYTHON, FAULTS, SESSION)

_GROUP_OF_FAMILY: Mapping[str, str] = {
    "convolution": PRODUCTS, "attention": ATTENTION, "norm": ROWS, "softmax": ROWS, "embedding": ROWS,
}  # fmt: skip


def group_of(op: Op) -> str:
    """The group of a traced operator; a backward pass belongs to its forward's."""
    if op.family == "matmul":
        if place_of(op).surfaces[-1] != "linear":
            return ATTENTION
        return FETCHED if op.dims[1] <= FEW_ROWS else PRODUCTS
    return _GROUP_OF_FAMILY.get(op.family.removesuffix("_backward"), MOVED)


def factor_key(engine: str, mode: str, precision: str, group: str) -> str:
    """The name of a profile's constant: how much more this group takes in a model than alone."""
    return f"{engine}/{mode}/{precision}/context/{group}"
