"""The models that no other one beats on both counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def front(
    items: Sequence[tuple[Item, float, float]], *, higher_is_better: bool = True
) -> tuple[list[Item], list[Item]]:
    """Split into the Pareto front and the rest, both best quality first, the cheaper first of equals.

    An item is on the front where no other has at least its quality at no more than its cost, one of them
    strictly better. Equals in both stand on it together.

    Args:
        items: (item, quality, cost); the smaller cost is better.
    """
    sign = -1.0 if higher_is_better else 1.0
    ordered = sorted(items, key=lambda entry: (sign * entry[1], entry[2]))
    on_front: list[Item] = []
    beaten: list[Item] = []
    cheapest, quality_there = float("inf"), 0.0
    for item, quality, cost in ordered:
        if cost < cheapest:
            on_front.append(item)
            cheapest, quality_there = cost, quality
        elif cost == cheapest and quality == quality_there:
            on_front.append(item)
        else:
            beaten.append(item)
    return on_front, beaten
