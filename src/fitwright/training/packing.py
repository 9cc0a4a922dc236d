"""Whether a run computes padding: as asked, or by a rule that gives the same answer every time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.model import PackedModel

if TYPE_CHECKING:
    from torch import nn

TOTAL_MULTIPLE = 16
"""Packed totals are rounded up to this: kernels see few distinct shapes."""

WORTH_IT = 0.03
"""Share of padding from which ``auto`` packs."""


def choose_packing(
    asked: str, models: Sequence[nn.Module], padding: float, device_type: str, *, shortest: int = 1
) -> str:
    """``on`` or ``off``.

    ``auto`` packs on a CPU where at least :data:`WORTH_IT` of the padded places would be padding and every
    model can be packed. A rule and not a timing, so that the same command gives the same weights again.

    Args:
        asked: ``auto``, ``on`` or ``off``.
        models: all that are run on the batches, such as student and teacher.
        padding: share of padding without packing.
        device_type: ``cpu`` or ``cuda``.
        shortest: tokens of the shortest row; packing needs one at least.

    Raises:
        UsageError: ``on``, and a model cannot be packed.
    """
    if asked == "off" or (asked == "auto" and (device_type != "cpu" or padding < WORTH_IT)):
        return "off"
    try:
        if shortest < 1:
            raise UsageError("rows without a token cannot be packed")
        with packed_models(models):
            return "on"
    except UsageError as error:
        if asked == "auto":
            return "off"
        raise UsageError(
            error.what, got=error.got, mend="Leave --packing at auto, or set it to off."
        ) from error


@contextlib.contextmanager
def packed_models(models: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the block those models compute no padding.

    Raises:
        UsageError: one of them cannot be packed; then none is.
    """
    with contextlib.ExitStack() as stack:
        for model in models:
            stack.callback(PackedModel(model, multiple=TOTAL_MULTIPLE).remove)
        yield
