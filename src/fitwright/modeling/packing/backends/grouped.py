"""Rows of like length share a call of plain or fused attention: any machine, any mask, any precision.

Legend of shape suffixes: N packed tokens, H heads, D width of a head, G rows of a group, L its longest row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fitwright.modeling.packing.backends.interface import Call, Machine
from fitwright.modeling.packing.backends.local_rows import attend_locally
from fitwright.modeling.packing.layout import Group
from fitwright.modeling.packing.scores import masked_attention

if TYPE_CHECKING:
    import torch


class Grouped:
    """See the module."""

    name: ClassVar[str] = "grouped"
    multiple: ClassVar[int] = 1
    half_only: ClassVar[bool] = False
    windows: ClassVar[bool] = True
    repeats: ClassVar[bool] = True

    def refusal(self, machine: Machine) -> str | None:  # noqa: ARG002
        """It runs everywhere."""
        return None

    def attend(self, call: Call) -> torch.Tensor:
        """The answer, (N, H, D); zero on filler."""
        shared = call.query.shape[1] // call.key.shape[1]
        key, value = call.key, call.value
        if shared > 1:
            key, value = (x.repeat_interleave(shared, dim=1) for x in (key, value))
        within = _within if call.mask.alone else _across
        return within(call, key, value)


def _within(call: Call, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Self-attention, group by group; (N, H, D)."""
    import torch

    layout = call.mask.queries
    sides = [
        x[0].transpose(0, 1) for x in (call.query, key, value)
    ]  # (N, H, D), as the projections left them
    parts = [x.split(layout.split_sizes) for x in sides]
    answers = []
    for place, group in enumerate(layout.groups):
        q, k, v = (_rows(part[place], group) for part in parts)
        answers.append(_tokens(_group(call, q, k, v, group), group))
    if len(parts[0]) > len(layout.groups):  # filler sees nothing
        answers.append(torch.zeros_like(parts[0][-1]))
    return torch.cat(answers)


def _across(call: Call, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Cross-attention, (N, H, D): only here rows are padded, since the two sides differ in length."""
    import torch

    queries, keys = call.mask.queries, call.mask.keys
    q = queries.unpack(call.query.transpose(1, 2)).transpose(1, 2)
    k, v = (keys.unpack(x.transpose(1, 2)).transpose(1, 2) for x in (key, value))
    places = torch.arange(keys.width, device=q.device)
    lengths_B = torch.tensor(keys.lengths, device=q.device)
    real_BS = places < lengths_B[:, None]
    answer = masked_attention(q, k, v, real_BS[:, None, None, :], None, call.rate, call.scale)
    return queries.pack(answer.transpose(1, 2))[0]


def _group(call: Call, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, group: Group) -> torch.Tensor:
    local = call.mask.local
    if local is not None and local.narrows(group.longest):
        return attend_locally(q, k, v, group.real_GL, local.window, call.rate, call.scale)
    allowed = call.mask.within_row(group.longest, q.device)
    if group.real_GL is not None:
        real = group.real_GL[:, None, None, :]
        allowed = real if allowed is None else real & allowed
    bias = None if call.bias is None else call.bias.of(group.longest)
    return masked_attention(q, k, v, allowed, bias, call.rate, call.scale)


def _rows(tokens: torch.Tensor, group: Group) -> torch.Tensor:
    """(tokens, H, D) → (G, H, L, D)."""
    if group.index_GL is None:
        rows = tokens.unflatten(0, (group.rows, group.longest))
    else:
        rows = tokens.index_select(0, group.index_GL.view(-1)).unflatten(0, (group.rows, group.longest))
    return rows.transpose(1, 2)


def _tokens(answer_GHLD: torch.Tensor, group: Group) -> torch.Tensor:
    """(G, H, L, D) → (tokens, H, D)."""
    flat = answer_GHLD.transpose(1, 2).flatten(0, 1)
    return flat if group.places is None else flat.index_select(0, group.places)
