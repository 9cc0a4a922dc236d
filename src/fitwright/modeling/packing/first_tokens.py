"""The last layer where the first token of each row alone is read.

Attention from one query a row: instead of making keys of all tokens and holding the query against them, the
query goes through the key's matrix once, (q·K)·x = q·(K·x), and is held against the tokens themselves; the
weighted sum of tokens then goes through the value's matrix. Two products over all tokens become two over the
rows. The answers and the gradients are those of the full layer.

Legend of shape suffixes: N packed tokens, B rows in packed order, G rows of a group, L its longest row, H
heads, D width of a head, W width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitwright.modeling.dropout import drop
from fitwright.modeling.packing.layer_parts import LayerParts
from fitwright.modeling.packing.layout import RowLayout

if TYPE_CHECKING:
    import torch


def finish_first(layer: Any, parts: LayerParts, hidden_NW: torch.Tensor, layout: RowLayout) -> torch.Tensor:
    """The layer's answer for the first token of each row, (1, B, W), in the batch's order."""
    import torch

    first_BW = hidden_NW.index_select(0, layout.first_B)
    order = torch.tensor(layout.order, device=hidden_NW.device)
    context_BW = _context(layer.attention.self, parts, hidden_NW, first_BW.index_select(0, order), layout)
    context_BW = torch.empty_like(context_BW).index_copy(0, order, context_BW)
    output = layer.attention.output
    middle = output.LayerNorm(output.dropout(output.dense(context_BW)) + first_BW)
    answer: torch.Tensor = layer.output(layer.intermediate(middle), middle)
    return answer.unsqueeze(0)


def _context(
    attention: Any, parts: LayerParts, hidden_NW: torch.Tensor, first_BW: torch.Tensor, layout: RowLayout
) -> torch.Tensor:
    """What attention answers to each row's first token, (B, W), in packed order."""
    import torch
    from torch.nn.functional import pad

    heads = attention.num_attention_heads
    rate = attention.dropout.p if attention.dropout.training else 0.0
    query_HBD = parts.query(first_BW).unflatten(1, (heads, -1)).transpose(0, 1)
    key_HDW = parts.key.weight.unflatten(0, (heads, -1))
    asked_BHW = torch.bmm(query_HBD, key_HDW).transpose(0, 1)
    constant_BH = torch.bmm(query_HBD, parts.key.bias.view(heads, -1, 1))[..., 0].t()
    places = layout.places(1)
    tokens = pad(hidden_NW, (0, 0, 0, 1)).index_select(0, places.one[0])  # padding reads one more, zero
    sums, totals, row = [], [], 0
    for chunk in places.chunks:
        token_GLW = tokens[chunk.start : chunk.stop].view(chunk.rows, chunk.longest, -1)
        scores = torch.bmm(asked_BHW[row : row + chunk.rows], token_GLW.transpose(1, 2))
        scores = (scores + constant_BH[row : row + chunk.rows, :, None]) * attention.scaling
        weights = torch.softmax(scores if chunk.bias is None else scores + chunk.bias, dim=-1)
        weights = drop(weights, rate) if rate else weights
        sums.append(torch.bmm(weights, token_GLW))
        totals.append(weights.sum(-1))
        row += chunk.rows
    value_HWD = parts.value.weight.unflatten(0, (heads, -1)).transpose(1, 2)
    context_HBD = torch.bmm(torch.cat(sums).transpose(0, 1), value_HWD)
    biases_HD = parts.value.bias.view(heads, -1)
    return (context_HBD.transpose(0, 1) + torch.cat(totals)[..., None] * biases_HD).flatten(1)
