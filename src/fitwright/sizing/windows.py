"""Inputs longer than a model's maximum as sliding windows."""

from __future__ import annotations

import math
from dataclasses import dataclass

OVERLAP = 0.25
"""Share of a window that it has in common with the one before."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """``count`` windows of ``length`` tokens a row, neighbours sharing ``overlap`` tokens."""

    count: int
    length: int
    overlap: int


def plan_windows(seq: int, longest: int) -> Windows:
    """Windows of ``longest`` tokens that cover ``seq``.

    ⌈(seq − longest) ÷ stride⌉ + 1 of them; the stride is the length less the overlap.
    """
    overlap = round(longest * OVERLAP)
    stride = longest - overlap
    return Windows(count=math.ceil(max(0, seq - longest) / stride) + 1, length=longest, overlap=overlap)
