"""What a backend of packed attention is, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from fitwright.modeling.packing.mask import PackedMask
from fitwright.modeling.packing.stacks import RowBias

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a run computes on.

    Attributes:
        device: of the tensors.
        precision: of the products: ``fp32``, ``tf32``, ``bf16`` or ``fp16``.
    """

    device: torch.device
    precision: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One call of attention on packed rows.

    Attributes:
        query: (1, H, N, D).
        key, value: (1, K, M, D); fewer heads than H are shared by as many queries each.
        mask: who sees whom.
        bias: added to the scores, or ``None``.
        rate: dropout of the weights.
        scale: of the scores.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    mask: PackedMask
    bias: RowBias | None = None
    rate: float = 0.0
    scale: float


class Backend(Protocol):
    """One way to compute attention on packed rows."""

    name: ClassVar[str]
    """As ``--attention-backend`` and the history have it."""

    multiple: ClassVar[int]
    """Packed totals are rounded up to it."""

    half_only: ClassVar[bool]
    """Whether it computes in bf16 and fp16 alone."""

    windows: ClassVar[bool]
    """Whether it computes windows that leave the first token out (``--attention-window``)."""

    repeats: ClassVar[bool]
    """Whether gradients are the same bits every time, so that resume is exact; ``auto`` takes no others."""

    def refusal(self, machine: Machine) -> str | None:
        """Why it cannot train on that machine; ``None`` where it can."""

    def attend(self, call: Call) -> torch.Tensor:
        """The answer, (N, H, D); anything on filler.

        Raises:
            UsageError: this call needs what the backend does not have.
        """
