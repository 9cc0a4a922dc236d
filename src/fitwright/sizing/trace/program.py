"""The trace of one step, and the operators and tensors it holds at a batch and a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fitwright.sizing.trace.polynomial import Polynomial, evaluate

TAGS = ("activations", "logits", "kv_cache", "gradients", "dropout_mask", "casts", "inputs")
"""What a tensor is for. ``casts``: autocast's copies of weights, kept until the step ends."""


class Op(NamedTuple):
    """One kind of operator of the step with its shape.

    family: ``matmul``, ``attention``, ``attention_backward``, ``norm``, ``norm_backward``, ``softmax``,
    ``softmax_backward``, ``embedding``, ``embedding_backward``, ``convolution``, ``convolution_backward``,
    ``pointwise``, ``reduce``, ``copy``. dims: matmul (b, m, n, k), b products of m×k by k×n; attention
    (batch, heads, kv_heads, q_len, k_len, head_dim, causal); norm and softmax (rows, width); embedding
    (rows, width, vocabulary); convolution (batch, in_channels, out_channels, groups, kernel_elements,
    out_positions); others (). count: how often in the step.
    """

    family: str
    name: str
    dims: tuple[int, ...]
    dtype: str
    read_bytes: int
    written_bytes: int
    count: int  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class SymbolicOp:
    """An :class:`Op` before batch and sequence are known."""

    family: str
    name: str
    dims: tuple[Polynomial, ...]
    dtype: str
    read_bytes: Polynomial
    written_bytes: Polynomial
    count: int

    def at(self, batch: int, seq: int) -> Op:
        return Op(
            self.family, self.name, tuple(dim(batch, seq) for dim in self.dims), self.dtype,
            self.read_bytes(batch, seq), self.written_bytes(batch, seq), self.count,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor's memory: its bytes, what it is for, and the operator that made it."""

    size_bytes: Polynomial
    tag: str
    made_by: str


@dataclass(frozen=True, slots=True)
class Stack:
    """One run of equal layers of which only a few were traced.

    Ranges are [start, end) in the events. ``forward``: of the layer that is repeated; ``before``: of the
    layer before it; ``backward`` and ``after``: of the repeated layer and of the layer after it, whose
    backward pass runs first; ``None`` for inference. ``extra``: how many more copies the whole model has.
    """

    forward: tuple[int, int]
    before: tuple[int, int]
    backward: tuple[int, int] | None
    after: tuple[int, int] | None
    extra: int


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One step of one model.

    Attributes:
        slots: in the order of allocation.
        events: 0 allocates the next slot; n > 0 frees slot n - 1.
        forward_end: number of events before the backward pass; all of them for inference.
        stacks: runs of equal layers, in the order of their forward pass.
        ops: every kind of operator with its count in the whole model.
        modules: calls of modules in the step, for the cost of Python.
        parameters: (shape, count) of the weights. buffer_bytes: of the buffers.
        trained: the same of those that are trained, where that is not all.
        point: the only (batch, seq) that the trace holds for; ``None`` where it is parametric.
        conditions: mode, precision, attention, device kind, checkpointing, class, versions.
    """

    slots: tuple[Slot, ...]
    events: tuple[int, ...]
    forward_end: int
    stacks: tuple[Stack, ...]
    ops: tuple[SymbolicOp, ...]
    modules: int
    parameters: tuple[tuple[tuple[int, ...], int], ...]
    buffer_bytes: int
    trained: tuple[tuple[tuple[int, ...], int], ...] | None = None
    point: tuple[int, int] | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)

    def ops_at(self, batch: int, seq: int) -> list[Op]:
        """Every operator of the step with its shape."""
        return [op.at(batch, seq) for op in self.ops]

    def sizes_at(self, batch: int, seq: int) -> list[int]:
        """Bytes of every slot."""
        return evaluate([slot.size_bytes for slot in self.slots], batch, seq)

    @property
    def parameter_count(self) -> int:
        return sum(_elements(shape) * count for shape, count in self.parameters)


def _elements(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
