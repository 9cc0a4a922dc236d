"""torch's own kernel for sequences of unequal length (``torch.nn.attention.varlen``): A100 and later."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.backends.half import check_call, lowered, machine_refusal
from fitwright.modeling.packing.backends.interface import Call, Machine
from fitwright.modeling.packing.backends.sequences import Sequences, with_filler

if TYPE_CHECKING:
    import torch


class Varlen:
    """See the module. It has no dropout of attention weights.

    Its backward pass cannot be asked for the same bits every time, and whether it gives them was not tried.
    """

    name: ClassVar[str] = "varlen"
    multiple: ClassVar[int] = 1
    half_only: ClassVar[bool] = True
    windows: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    def refusal(self, machine: Machine) -> str | None:
        """Too old a torch, or no card for it."""
        if importlib.util.find_spec("torch.nn.attention.varlen") is None:
            return "this torch has no torch.nn.attention.varlen; torch 2.10 or later has"
        return machine_refusal(machine)

    def attend(self, call: Call) -> torch.Tensor:
        """The answer, (N, H, D); zero on filler."""
        from torch.nn.attention import varlen

        check_call(call, self.name)
        if call.rate:
            raise UsageError(
                "varlen attention has no dropout of attention weights", got=call.rate,
                mend="Use --dropout 0, or another --attention-backend.",
            )  # fmt: skip
        band = call.mask.checked_band(self.name)
        rows = call.mask.once(Sequences.of)
        q, k, v = lowered(*rows.sides(call))
        answer: Any = varlen.varlen_attn(
            q, k, v, rows.query_starts, rows.key_starts, rows.longest_query, rows.longest_key,
            scale=call.scale, window_size=band.reach, enable_gqa=q.shape[1] != k.shape[1],
        )  # fmt: skip
        return with_filler(answer, call)
