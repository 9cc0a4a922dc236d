"""The size that a study recommends, as a shape of its family that ``train`` can build."""

from __future__ import annotations

import math
from pathlib import Path

from fitwright.core.files import write_json
from fitwright.scaling.design.families import Family
from fitwright.scaling.design.plan import Plan
from fitwright.scaling.design.shapes import Shape, usual_shape

_WIDTHS = (16, 48, *range(32, 512, 32), *range(512, 16_385, 64))
"""Multiples of a head, and two that have one."""


def nearest_shape(family: Family, parameters: float, vocabulary: int, positions: int) -> Shape:
    """The usual shape whose number of parameters comes nearest, as a ratio."""

    def off(shape: Shape) -> float:
        return abs(math.log(family.total(shape, vocabulary, positions) / parameters))

    return min(map(usual_shape, _WIDTHS), key=off)


def write_config(root: Path, parameters: float, path: Path) -> Shape:
    """Write the ``config.json`` of that shape, with the study's vocabulary and block.

    Args:
        root: the study folder.

    Raises:
        UsageError: no study folder. RunError: the file cannot be written.
    """
    plan = Plan.read(root)
    family = plan.model_family
    shape = nearest_shape(family, parameters, plan.vocabulary, plan.block)
    write_json(path, family.config(shape, plan.vocabulary, plan.block))
    return shape
