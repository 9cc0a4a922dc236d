"""The flash-attention package (Dao 2023, arXiv 2307.08691), where it is installed: A100 and later."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.modeling.packing.backends.half import check_call, lowered, machine_refusal
from fitwright.modeling.packing.backends.interface import Call, Machine
from fitwright.modeling.packing.backends.sequences import Sequences, with_filler

if TYPE_CHECKING:
    import torch


class Flash:
    """See the module. Its backward pass is asked for the same bits every time, so that resume is exact."""

    name: ClassVar[str] = "flash"
    multiple: ClassVar[int] = 1
    half_only: ClassVar[bool] = True
    windows: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    def refusal(self, machine: Machine) -> str | None:
        """No package, or no card for it."""
        if importlib.util.find_spec("flash_attn") is None:
            return "the package flash-attn is not installed"
        return machine_refusal(machine)

    def attend(self, call: Call) -> torch.Tensor:
        """The answer, (N, H, D); zero on filler."""
        module: Any = importlib.import_module("flash_attn")
        check_call(call, self.name)
        band = call.mask.checked_band(self.name)
        rows = call.mask.once(Sequences.of)
        q, k, v = lowered(*rows.sides(call))
        answer: Any = module.flash_attn_varlen_func(
            q, k, v, cu_seqlens_q=rows.query_starts, cu_seqlens_k=rows.key_starts,
            max_seqlen_q=rows.longest_query, max_seqlen_k=rows.longest_key, dropout_p=call.rate,
            softmax_scale=call.scale, causal=band.right == 0, window_size=band.reach, deterministic=True,
        )  # fmt: skip
        return with_filler(answer, call)
