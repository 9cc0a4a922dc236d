"""Language models in the Hugging Face layout: loaded with their weights, or made from a config alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fitwright.core.errors import UsageError
from fitwright.modeling.pretrained import load_pretrained

if TYPE_CHECKING:
    from torch import nn

Objective = Literal["causal", "masked"]
_CLASSES = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM"}


def load_language_model(folder: Path, objective: Objective) -> nn.Module:
    """The language model of a folder, see :func:`load_pretrained`; a causal one keeps no cache.

    Raises:
        UsageError: the folder's model has no such head, cannot be loaded, or is to write and reads both ways:
            it would see the token that it has to tell.
    """
    model: Any = load_pretrained(_CLASSES[objective], folder, f"a model for {objective} language modelling")
    if objective == "causal":
        if getattr(model.config, "is_decoder", True) is False:
            raise UsageError(
                "this model reads a text both ways, so that it cannot learn to write", got=str(folder),
                mend="Give a decoder, or set is_decoder to true in config.json.",
            )  # fmt: skip
        model.config.use_cache = False  # nothing to keep while all tokens are there at once
    return model
