"""A trace made by hand: two layers, batch and sequence free, every number easy to check."""

from __future__ import annotations

from fitwright.sizing.trace.polynomial import Polynomial
from fitwright.sizing.trace.program import Slot, Stack, SymbolicOp, Trace

WEIGHT = (10, 10)


def per_token(size: int) -> Polynomial:
    return Polynomial.monomial(size, 1, 1)


def constant(size: int) -> Polynomial:
    return Polynomial.constant(size)


def op(family: str, *dims: int | Polynomial, count: int = 1) -> SymbolicOp:
    found = tuple(dim if isinstance(dim, Polynomial) else constant(dim) for dim in dims)
    return SymbolicOp(family, family, found, "fp32", per_token(4), per_token(4), count)


def training_step() -> Trace:
    """Forward: an activation of 40 B a token and a loss of 4 B. Backward: a temporary of 60 B a token, then
    the weight's gradient, 400 B; then both but the gradient go."""
    return Trace(
        slots=(
            Slot(per_token(40), "activations", "addmm"), Slot(constant(4), "logits", "nll_loss_forward"),
            Slot(per_token(60), "activations", "_softmax_backward_data"),
            Slot(constant(400), "gradients", "mm"),
        ),
        events=(0, 0, 0, 0, 3, 1), forward_end=2, stacks=(), ops=(op("matmul", 1, per_token(1), 10, 10),),
        modules=3, parameters=((WEIGHT, 1),), buffer_bytes=8, conditions={"mode": "train"},
    )  # fmt: skip


def stack_of_layers(extra: int) -> Trace:
    """Three traced layers, the middle one repeated ``extra`` times: each makes its output, its input goes."""
    return Trace(
        slots=(Slot(per_token(1), "inputs", "embedding"), *[Slot(per_token(2), "activations", "addmm")] * 3),
        events=(0, 0, 1, 0, 2, 0, 3), forward_end=7,
        stacks=(Stack(forward=(3, 5), before=(1, 3), backward=None, after=None, extra=extra),),
        ops=(op("matmul", 1, per_token(1), 10, 10, count=3 + extra),), modules=3 + extra,
        parameters=((WEIGHT, 3 + extra),), buffer_bytes=0,
    )  # fmt: skip
