"""Floating-point operations of a step, counted from its operators."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from fitwright.sizing.trace.polynomial import Polynomial
from fitwright.sizing.trace.program import Op, SymbolicOp

_PRODUCT_FACTOR = 2
_FACTORS = {
    "attention": Fraction(4), "attention_backward": Fraction(10), "convolution": Fraction(2),
    "convolution_backward": Fraction(4),
}  # fmt: skip
"""FLOPs per product of dims. Attention's backward pass forms five products where the forward pass has two
(Dao et al. 2022, arXiv:2205.14135); a convolution's forms two where the forward pass has one."""


def flops(ops: Iterable[Op]) -> int:
    """FLOPs of the products (matrix products, attention, convolutions) of ``ops``; one multiply-add is 2.

    m×k by k×n: 2·m·n·k. Attention: 4·B·H·S_q·S_k·D, causal or not, as is usual (Chowdhery et al. 2022,
    arXiv:2204.02311, appendix B). Pointwise work, norms, softmax are left out: below 1 % from width 256 on.
    """
    found: int = round(
        sum(_factor(op.family) * math.prod(_sides(op.family, op.dims)) * op.count for op in ops)
    )
    return found


def symbolic_flops(ops: Iterable[SymbolicOp]) -> Polynomial:
    """The same in terms of batch and sequence.

    Raises:
        NotAPolynomial: it has a higher power of either.
    """
    total = Polynomial.constant(0)
    for op in ops:
        factor = _factor(op.family) * op.count
        if not factor:
            continue
        one = Polynomial.constant(factor)
        for side in _sides(op.family, op.dims):
            one = one * side
        total = total + one
    return total


def _factor(family: str) -> Fraction | int:
    return _PRODUCT_FACTOR if family == "matmul" else _FACTORS.get(family, 0)


def _sides(family: str, dims: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the FLOPs are the product of."""
    if family.startswith("attention"):
        batch, heads, _, queries, keys, width, _ = dims
        return batch, heads, queries, keys, width
    if family.startswith("convolution"):
        batch, inputs, outputs, groups, kernel, positions = dims
        return batch, outputs, _quotient(inputs, groups), kernel, positions
    return dims


def _quotient(inputs: Any, groups: Any) -> Any:
    if isinstance(groups, Polynomial):
        return inputs * Polynomial.constant(Fraction(1, max(1, int(groups.coefficients[0]))))
    return inputs // max(1, groups)
