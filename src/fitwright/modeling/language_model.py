"""Language models in the Hugging Face layout: loaded with their weights, or made from a config alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.classifier import quiet_transformers

if TYPE_CHECKING:
    from torch import nn

Objective = Literal["causal", "masked"]
_CLASSES = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM"}


def has_weights(folder: Path) -> bool:
    """Whether a folder holds safetensors weights."""
    return any(folder.glob("model*.safetensors"))


def load_language_model(folder: Path, objective: Objective) -> nn.Module:
    """The language model of a folder, in fp32.

    With safetensors weights in it these are loaded; else the model is made from ``config.json``, its weights
    drawn from torch's global generator as the class draws them: seed it first. Remote code is off.

    Raises:
        UsageError: the folder's model has no such head, or cannot be loaded.
    """
    transformers, errors = require("transformers"), (ValueError, OSError, KeyError, RuntimeError)
    maker: Any = getattr(transformers, _CLASSES[objective])
    try:
        with quiet_transformers():
            if has_weights(folder):
                model: nn.Module = maker.from_pretrained(
                    folder, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                    dtype="float32",
                )  # fmt: skip
            else:
                config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
                model = maker.from_config(config, trust_remote_code=False).float()
    except (*errors, require("safetensors").SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(
            f"this is no model for {objective} language modelling: {reason}", got=str(folder)
        ) from error
    return model
