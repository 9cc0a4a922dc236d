"""Weights that let every class count alike in a loss."""

from __future__ import annotations

from collections.abc import Sequence

from fitwright.core.errors import UsageError


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Weight of each class, n / (k · count): the rows' weights have the mean 1.

    Args:
        counts: rows of each class in the training part, each above 0.

    Source: King & Zeng, Logistic Regression in Rare Events Data (2001), equation 28; as
    ``sklearn.utils.class_weight.compute_class_weight("balanced")``.

    Raises:
        UsageError: no classes, or one without rows.
    """
    if not counts or min(counts) < 1:
        raise UsageError("each class needs rows to be weighed by", got=list(counts), allowed="1 or more each")
    total = sum(counts)
    return tuple(total / (len(counts) * count) for count in counts)
