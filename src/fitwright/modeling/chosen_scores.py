"""A vocabulary's scores at chosen places alone.

The matrix behind a language model's last layer is its largest: as wide as the vocabulary. A masked model
learns from 15 % of its places, a chat from its answers, a pair from what is no padding; the scores of all
other places would be computed, kept for the backward pass, and thrown away.

Legend of shape suffixes: B rows, T tokens, P chosen places, H hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fitwright.modeling.packing.checking import TOLERANCE, at_rest, trial_rows

if TYPE_CHECKING:
    import torch
    from torch import nn

_known: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Model → whether its head can be given chosen places alone."""


def chosen_scores(
    model: nn.Module, inputs: Mapping[str, torch.Tensor], chosen_BT: torch.Tensor
) -> torch.Tensor:
    """The logits (P, V) of the places that ``chosen_BT`` (bool) marks, row by row.

    Whether a model's head can do with these places alone is tried once, on a few tokens, against all
    of its scores; where it cannot, all are computed and these are taken.
    """
    if model not in _known:
        _known[model] = _can_choose(model)
    if _known[model]:
        return _at(model, inputs, chosen_BT)
    logits_BTV: torch.Tensor = model(**inputs).logits
    return logits_BTV[chosen_BT]


def _at(model: Any, inputs: Mapping[str, torch.Tensor], chosen_BT: torch.Tensor) -> torch.Tensor:
    """The same, by taking the head's input apart from the rest just before its largest product."""

    def choose(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden_BTH, *others = given
        return hidden_BTH[chosen_BT], *others

    handle = model.get_output_embeddings().register_forward_pre_hook(choose)
    try:
        logits_PV: torch.Tensor = model(**inputs).logits
    finally:
        handle.remove()
    return logits_PV


def _can_choose(model: Any) -> bool:
    """Whether the chosen answers to a few rows are those of the whole; leaves the model as it was."""
    import torch

    try:
        if model.get_output_embeddings() is None:
            return False
        with at_rest(model), torch.no_grad():
            inputs = trial_rows(model)
            chosen_BT = inputs.get("decoder_attention_mask", inputs["attention_mask"]).bool()
            chosen_BT[:, 0] = False
            whole_PV = model(**inputs).logits[chosen_BT]
            found_PV = _at(model, inputs, chosen_BT)
    except Exception:
        return False
    if found_PV.shape != whole_PV.shape:
        return False
    largest = float(whole_PV.abs().max())
    return float((found_PV - whole_PV).abs().max()) <= TOLERANCE * max(largest, 1e-12)
