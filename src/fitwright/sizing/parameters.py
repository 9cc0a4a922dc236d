"""Parameters by part: all of them, the input embedding, the rest, and those that one token meets."""

from __future__ import annotations

from dataclasses import dataclass

from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity

_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
_MATRICES_PER_EXPERT = 3
_ACTIVE_SPREAD = 0.2


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Counts of one model's class.

    Attributes:
        total: every parameter once; exact.
        embedding: the input embedding matrix; ``None`` where unknown or where there is none.
        non_embedding: ``total`` less ``embedding`` (Kaplan et al. 2020, arXiv:2001.08361, section 2.1, which
            leaves out the position table too: under 1 % of the rest here); ``None`` where unknown.
        active: what one token is multiplied with in a mixture of experts; an estimate. ``None`` elsewhere.
    """

    total: int
    embedding: int | None
    non_embedding: int | None
    active: Quantity | None


def count(spec: ModelSpec) -> Parameters:
    """Parameters of ``spec`` by part."""
    embedding = spec.embedding_parameters
    non_embedding = None if embedding is None else spec.parameters - embedding
    return Parameters(
        total=spec.parameters, embedding=embedding, non_embedding=non_embedding, active=_active(spec)
    )


def _active(spec: ModelSpec) -> Quantity | None:
    """Total less the experts that a token does not visit, three matrices each.

    Known error: leading dense layers, which some of these models have, are taken for expert layers.
    """
    dims = spec.dims
    experts = next((dims[name] for name in _EXPERTS if name in dims), None)
    chosen, layers, hidden = (dims.get(key) for key in ("num_experts_per_tok", "layers", "hidden"))
    width = dims.get("moe_intermediate_size", dims.get("ffn"))
    if experts is None or chosen is None or layers is None or hidden is None or width is None:
        return None
    idle = layers * (experts - chosen) * _MATRICES_PER_EXPERT * hidden * width
    value = float(spec.parameters - idle)
    if value <= 0:
        return None
    low, high = value * (1 - _ACTIVE_SPREAD), min(value * (1 + _ACTIVE_SPREAD), float(spec.parameters))
    return Quantity.estimated(value, "1", low=low, high=high, note="total less the experts not visited")
