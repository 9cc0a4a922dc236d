"""Whether a run computes padding: as asked, or by a rule that gives the same answer every time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.model import PackedModel
from fitwright.training.batches import Rows, padding_of_epoch
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    from torch import nn

TOTAL_MULTIPLE = 16
"""Packed totals are rounded up to this: kernels see few distinct shapes."""

WORTH_IT = 0.03
"""Share of padding from which ``auto`` packs."""


def packing_of_run(
    settings: TrainSettings, models: Sequence[nn.Module], training: Rows, validation: Rows, device_type: str
) -> str:
    """:func:`choose_packing` for those rows."""
    share = padding_of_epoch(
        training.lengths, settings.batch_size, seed=settings.seed, batch_tokens=settings.batch_tokens
    )
    return choose_packing(
        settings.packing, models, share, device_type, backend=settings.attention_backend,
        shortest=min(min(training.lengths), min(validation.lengths)),
    )  # fmt: skip


def choose_packing(
    asked: str,
    models: Sequence[nn.Module],
    padding: float,
    device_type: str,
    *,
    shortest: int = 1,
    backend: str = "auto",
) -> str:
    """``on`` or ``off``.

    ``auto`` packs on a CPU where every model can be packed, and either at least :data:`WORTH_IT` of the
    padded places would be padding or packed layers are computed as one function, which is faster by itself.
    A rule and not a timing, so that the same command gives the same weights again.

    Args:
        asked: ``auto``, ``on`` or ``off``.
        models: all that are run on the batches, such as student and teacher.
        padding: share of padding without packing.
        device_type: ``cpu`` or ``cuda``.
        shortest: tokens of the shortest row; packing needs one at least.
        backend: of attention; one that is asked for packs on any device.

    Raises:
        UsageError: ``on``, and a model cannot be packed.
    """
    asked = "on" if asked == "auto" and backend != "auto" else asked
    if asked == "off" or (asked == "auto" and device_type != "cpu"):
        return "off"
    try:
        if shortest < 1:
            raise UsageError("rows without a token cannot be packed")
        with packed_models(models) as packed:
            pays = padding >= WORTH_IT or all(model.fused for model in packed)
            return "on" if pays or asked == "on" else "off"
    except UsageError as error:
        if asked == "auto":
            return "off"
        raise UsageError(
            error.what, got=error.got, mend="Leave --packing at auto, or set it to off."
        ) from error


@contextlib.contextmanager
def packed_models(
    models: Sequence[nn.Module],
    backend: str = "grouped",
    computing: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Iterator[list[PackedModel]]:
    """Inside the block those models compute no padding; how each is packed.

    ``backend`` computes attention; ``computing`` is the context of the run's forward passes.

    Raises:
        UsageError: one of them cannot be packed; then none is.
    """
    with contextlib.ExitStack() as stack:
        packed = []
        for model in models:
            packed.append(PackedModel(model, multiple=TOTAL_MULTIPLE, backend=backend, computing=computing))
            stack.callback(packed[-1].remove)
        yield packed
