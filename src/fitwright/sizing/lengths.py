"""How long a model's rows may be, and how long they are where nobody says."""

from __future__ import annotations

from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

USUAL_SEQ = Workload().seq
_WITHOUT_TOKENS = ("vision", "cnn", "rnn")
"""Kinds that no number of tokens is too much for: images have none, a recurrent state has no end."""


def hard_limit(spec: ModelSpec) -> int | None:
    """Tokens that a row may have at most; ``None`` where nothing ends there (relative positions, images)."""
    if "max_sequence_note" in spec.facts or spec.kind in _WITHOUT_TOKENS:
        return None
    return spec.max_sequence_length


def longer_than_allowed(spec: ModelSpec, workload: Workload) -> str:
    """Why the workload's length is beyond the model's hard limit; empty where it is not."""
    limit = hard_limit(spec)
    if limit is None or workload.seq <= limit:
        return ""
    return f"{workload.seq} tokens are more than this model's {limit}: memory and latency left out"


def length_of(spec: ModelSpec, asked: int | None) -> tuple[int, str]:
    """The length to take for ``spec``, and what to say about it (mostly nothing).

    What was asked for is never changed. ``None``: the usual 128 tokens, or all that the model takes where
    that is less, as the 77 of CLIP.
    """
    limit = hard_limit(spec)
    if asked is not None:
        return asked, ""
    if limit is None or limit >= USUAL_SEQ:
        return USUAL_SEQ, ""
    return limit, f"rows of {limit} tokens, this model's maximum, which is less than the usual {USUAL_SEQ}"
