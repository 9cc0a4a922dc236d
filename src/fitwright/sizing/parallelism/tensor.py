"""Tensor parallelism: each layer split over T devices by attention heads and feed-forward columns.

Source: Shoeybi et al. 2019, "Megatron-LM" (https://arxiv.org/abs/1909.08053), section 3; Korthikanti et al.
2022, "Reducing Activation Recomputation" (https://arxiv.org/abs/2205.05198), sections 4 and 5, for
activations and sequence parallelism.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fitwright.core.errors import UsageError
from fitwright.sizing.parallelism.communication import all_reduce_bytes, check_degree

VOCABULARY_MULTIPLE = 128
"""Rows of the embedding per device are a multiple of it (Megatron-LM's ``make-vocab-size-divisible-by``)."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What of a Transformer is split.

    Attributes:
        hidden, heads, kv_heads, head_dim, ffn: widths and counts of one block of attention and feed-forward.
        vocabulary: rows of the embedding; 0: none.
        gated: the feed-forward has a gate: three matrices instead of two.
        biases: products and norms have biases.
        tables: matrices of the vocabulary: 1 where the output is tied to the embedding or absent, else 2.
    """

    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    gated: bool = False
    biases: bool = True
    tables: int = 1

    def __post_init__(self) -> None:
        for name in ("hidden", "heads", "kv_heads", "head_dim", "ffn", "tables"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1", got=getattr(self, name))


class Split(NamedTuple):
    """One device's part.

    ``kv_copies``: how many devices hold the same key-value head. ``padded_vocabulary``: rows of the embedding
    over all devices. ``layer_parameters``: of one block, the copied norms and biases included.
    ``table_parameters``: of the matrices of the vocabulary.
    """

    heads: int
    kv_heads: int
    kv_copies: int
    ffn: int
    padded_vocabulary: int
    layer_parameters: int
    table_parameters: int

    def parameters(self, layers: int) -> int:
        """Of so many blocks and the tables; position embeddings and the last norm (under 1 %) left out."""
        return layers * self.layer_parameters + self.table_parameters


def split(shape: Shape, degree: int) -> Split:
    """How ``degree`` devices share the model.

    Raises:
        UsageError: the heads, key-value heads or feed-forward columns cannot be split evenly; it names which.
    """
    check_degree("tensor-parallel degree", degree)
    _check_divides("heads", shape.heads, degree)
    _check_divides("feed-forward columns", shape.ffn, degree)
    if not _shares_kv_heads(shape, degree):
        raise UsageError(
            f"{shape.kv_heads} key-value heads cannot be split over {degree}, nor copied to them evenly",
            allowed="degrees " + ", ".join(str(number) for number in possible_degrees(shape)),
        )
    heads, ffn = shape.heads // degree, shape.ffn // degree
    kv_heads = max(1, shape.kv_heads // degree)
    multiple = VOCABULARY_MULTIPLE * degree if degree > 1 else 1
    padded = -(-shape.vocabulary // multiple) * multiple
    return Split(
        heads=heads,
        kv_heads=kv_heads,
        kv_copies=max(1, degree // shape.kv_heads),
        ffn=ffn,
        padded_vocabulary=padded,
        layer_parameters=_layer_parameters(shape, heads, kv_heads, ffn),
        table_parameters=shape.tables * (padded // degree) * shape.hidden,
    )


def possible_degrees(shape: Shape, largest: int = 64) -> list[int]:
    """Every degree up to ``largest`` that :func:`split` accepts."""
    return [
        degree
        for degree in range(1, largest + 1)
        if shape.heads % degree == 0 and shape.ffn % degree == 0 and _shares_kv_heads(shape, degree)
    ]


def layer_activation_bytes(
    *,
    batch: int,
    seq: int,
    hidden: int,
    heads: int,
    degree: int,
    sequence_parallel: bool = False,
    scores_stored: bool = True,
) -> int:
    """Activations that one block keeps for the backward pass on one device, at 16 bits a value, 1 byte a
    mask.

    sbh·(10 + 24/t + 5as/(ht)), with sequence parallelism sbh/t·(34 + 5as/h) (arXiv:2205.05198, table 2);
    fused attention keeps no scores and drops the last term.

    Known error: written for GPT with a feed-forward four times as wide and dropout; a traced model is exact.

    Raises:
        UsageError: the heads cannot be split over the degree.
    """
    check_degree("tensor-parallel degree", degree)
    _check_divides("heads", heads, degree)
    scores = 5 * heads * seq / hidden / degree if scores_stored else 0.0
    others = 34 / degree if sequence_parallel else 10 + 24 / degree
    return round(seq * batch * hidden * (others + scores))


def step_traffic_bytes(
    *, batch: int, seq: int, hidden: int, layers: int, degree: int, value_bytes: float, training: bool
) -> int:
    """Bytes that each device sends in one forward pass, or in one training step.

    Each block sums B·S·h values over the devices twice in the forward pass and twice in the backward pass.
    With sequence parallelism each sum becomes a reduce-scatter and an all-gather, together of the same
    volume.

    Known error: the embedding and the loss over a split vocabulary (together under one block's), and
    checkpointing, which repeats the forward part, are not counted.
    """
    check_degree("tensor-parallel degree", degree)
    sums = layers * (4 if training else 2)
    return sums * all_reduce_bytes(batch * seq * hidden * value_bytes, degree)


def _layer_parameters(shape: Shape, heads: int, kv_heads: int, ffn: int) -> int:
    """Columns are split with their biases; the output products' biases and both norms are copied."""
    attention = (heads + 2 * kv_heads) * shape.head_dim
    feed_forward = ffn * (2 if shape.gated else 1)
    products = shape.hidden * (attention + heads * shape.head_dim + feed_forward + ffn)
    norms = 2 * shape.hidden
    if not shape.biases:
        return products + norms
    return products + attention + feed_forward + 2 * shape.hidden + 2 * norms


def _shares_kv_heads(shape: Shape, degree: int) -> bool:
    return shape.kv_heads % degree == 0 or degree % shape.kv_heads == 0


def _check_divides(name: str, number: int, degree: int) -> None:
    if number % degree:
        fitting = ", ".join(str(d) for d in range(1, min(number, 64) + 1) if number % d == 0)
        raise UsageError(f"{number} {name} cannot be split over {degree}", allowed=f"degrees {fitting}")
