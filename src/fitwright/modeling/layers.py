"""Find and drop Transformer layers of an encoder."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require

if TYPE_CHECKING:
    from torch import nn


def layer_list(model: nn.Module) -> tuple[nn.Module, str]:
    """The module that owns the stack of layers, and the attribute's name.

    It is the one ``ModuleList`` with ``config.num_hidden_layers`` members: so in BERT, RoBERTa, DistilBERT,
    ELECTRA, MPNet, DeBERTa and the models built like them.
    """
    torch_nn = require("torch").nn
    count = getattr(model.config, "num_hidden_layers", None)
    found = [
        (owner, name)
        for owner in model.modules()
        for name, child in owner.named_children()
        if isinstance(child, torch_nn.ModuleList) and len(child) == count and count
    ]
    if len(found) != 1:
        kind = getattr(model.config, "model_type", "unknown")
        raise UsageError(
            "layers of this architecture cannot be dropped",
            got=kind,
            allowed="encoders with one stack of layers, such as bert, roberta, distilbert, mpnet",
        )
    return found[0]


def count_layers(model: nn.Module) -> int:
    """Transformer layers of the encoder."""
    owner, name = layer_list(model)
    return len(getattr(owner, name))


def spread(layers: int, keep: int) -> tuple[int, ...]:
    """Indices of ``keep`` layers of ``layers``, evenly spread, first and last among them.

    Sanh et al. 2019 (DistilBERT) take every second layer; keeping the last as well lets the student
    learn the teacher's final hidden state from a layer that already makes it.
    """
    if not 1 <= keep <= layers:
        raise UsageError("layers to keep are out of range", got=keep, allowed=f"1 to {layers}")
    if keep == 1:
        return (layers - 1,)
    return tuple(round(i * (layers - 1) / (keep - 1)) for i in range(keep))


def keep_layers(model: nn.Module, kept: tuple[int, ...]) -> nn.Module:
    """A copy of the model with those layers alone, in order; its config says so too."""
    student = copy.deepcopy(model)
    owner, name = layer_list(student)
    layers = getattr(owner, name)
    setattr(owner, name, require("torch").nn.ModuleList([layers[i] for i in kept]))
    config: Any = student.config
    config.num_hidden_layers = len(kept)
    return student
