"""``torch.nn.attention.flex_attention``: who sees whom is compiled into one kernel, blocks that no one sees
are left out.

Legend of shape suffixes: N packed tokens, H heads, D width of a head.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.backends.flex_blocks import seen_blocks
from fitwright.modeling.packing.backends.half import lowered
from fitwright.modeling.packing.backends.interface import Call, Machine
from fitwright.modeling.packing.mask import PackedMask, in_band

if TYPE_CHECKING:
    import torch

BLOCK = 128
"""Queries, and keys, of a block."""


class Flex:
    """See the module. It has no dropout of attention weights.

    A bias by relative position is refused too: its gradient is a sum over all rows in whatever order the
    card takes them, which would not resume to the same bits.
    """

    name: ClassVar[str] = "flex"
    multiple: ClassVar[int] = BLOCK
    half_only: ClassVar[bool] = False
    windows: ClassVar[bool] = True
    repeats: ClassVar[bool] = True

    def refusal(self, machine: Machine) -> str | None:
        """No card for it: on a CPU it has no backward pass."""
        import torch

        if machine.device.type == "cpu":
            return f"torch {torch.__version__} has no backward pass for it on a CPU"
        if machine.device.type != "cuda":
            return f"it needs a CUDA card, and this run computes on {machine.device.type}"
        if importlib.util.find_spec("triton") is None:
            return "it is compiled by Triton, which is not installed"
        found = torch.cuda.get_device_capability(machine.device)
        if found < (7, 0):
            return f"Triton needs compute capability 7.0 or more, and this card has {found[0]}.{found[1]}"
        return None

    def attend(self, call: Call) -> torch.Tensor:
        """The answer, (N, H, D)."""
        if call.bias is not None:
            raise UsageError(
                "flex attention is not used with a bias by relative position, which this model has"
            )
        if call.rate:
            raise UsageError(
                "flex attention has no dropout of attention weights", got=call.rate,
                mend="Use --dropout 0, or another --attention-backend.",
            )  # fmt: skip
        q, k, v = lowered(call.query, call.key, call.value)
        answer: torch.Tensor = _kernel(q.device.type)(
            q, k, v, block_mask=call.mask.once(block_mask), scale=call.scale,
            enable_gqa=q.shape[1] != k.shape[1],
        )  # fmt: skip
        return answer[0].transpose(0, 1)


@functools.cache
def _kernel(device_type: str) -> Callable[..., Any]:
    """flex attention, compiled where a card computes it; the uncompiled one makes all scores."""
    import torch
    from torch.nn.attention.flex_attention import flex_attention

    plain: Any = flex_attention
    return torch.compile(plain, dynamic=True) if device_type == "cuda" else plain


def block_mask(mask: PackedMask) -> Any:
    """Who sees whom, for flex attention: rows themselves, within the model's mask and the window."""
    import torch
    from torch.nn.attention.flex_attention import BlockMask

    blocks = torch.from_numpy(seen_blocks(mask, BLOCK)).to(mask.queries.source_N.device)
    counts = blocks.sum(-1, dtype=torch.int32)
    order = torch.argsort(blocks.to(torch.int32), dim=-1, descending=True, stable=True).to(torch.int32)
    return BlockMask.from_kv_blocks(
        counts[None, None], order[None, None], BLOCK_SIZE=BLOCK, mask_mod=seen_by(mask),
        seq_lengths=(mask.queries.tokens, mask.keys.tokens),
    )  # fmt: skip


def seen_by(mask: PackedMask) -> Callable[..., torch.Tensor]:
    """Whether a packed query sees a packed key, as flex attention asks it."""
    import torch

    queries, keys, band, allowed = mask.queries, mask.keys, mask.band, mask.allowed
    query_row, key_row = queries.row_N, keys.row_N
    if not mask.alone:  # filler sees some row rather than nothing
        query_row = query_row.clamp(min=0)
    query_place, key_place = queries.position_N, keys.position_N
    local = mask.local if mask.is_local else None
    device = query_row.device
    long_B = torch.tensor([local is not None and local.narrows(n) for n in queries.lengths], device=device)
    window = local.window if local is not None else 0

    def seen(batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        row, q, k = query_row[query], query_place[query], key_place[key]
        found = row == key_row[key]
        if band is not None:
            found = found & in_band(band, q, k)
        elif allowed is not None:
            found = found & allowed(batch, head, q, k)
        if local is not None:
            near = ((q - k).abs() <= window) | (q == 0) | (k == 0)
            found = found & (near | ~long_B[row])
        return found

    return seen
