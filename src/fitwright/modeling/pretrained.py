"""One way to load or build any model in the Hugging Face layout, and to save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.local_attention import write_local_attention
from fitwright.modeling.own import register_own
from fitwright.modeling.quiet import quiet_transformers
from fitwright.modeling.sources import is_scratch
from fitwright.modeling.weights import plain_weight_errors

if TYPE_CHECKING:
    from torch import nn


def load_pretrained(
    auto: str, folder: Path, what: str, *, new_head: bool = False, **changes: Any
) -> nn.Module:
    """A model with the weights of ``folder``, or built from its config where it has none; in fp32.

    Weights come from safetensors only and remote code is off. What is drawn at random, a new head or a whole
    model, comes from torch's global generator: seed it first.

    Args:
        auto: the class of transformers that chooses the model's, such as ``AutoModelForSeq2SeqLM``.
        folder: with ``config.json``.
        what: that is loaded, for the message of an error: ``"an encoder"``.
        new_head: weights of another shape than the config says, those of a head for other classes, are made
            anew; else they are an error.
        **changes: to the config, such as ``num_labels``.

    Raises:
        UsageError: the architecture has no such class, or the weights cannot be read.
    """
    kind: Any = getattr(require("transformers"), auto)
    register_own(folder)
    try:
        with quiet_transformers():
            model: nn.Module
            if is_scratch(folder):
                config = require("transformers").AutoConfig.from_pretrained(
                    folder, trust_remote_code=False, local_files_only=True, **changes
                )
                model = kind.from_config(config, trust_remote_code=False)
                return model.float()
            model = kind.from_pretrained(
                folder, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                ignore_mismatched_sizes=new_head, dtype="float32", **changes,
            )  # fmt: skip
    except (
        ValueError,
        OSError,
        KeyError,
        TypeError,
        RuntimeError,
        require("safetensors").SafetensorError,
    ) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"this model cannot be loaded as {what}: {reason}", got=str(folder)) from error
    return model


def named_outputs(labels: tuple[str, ...]) -> dict[str, Any]:
    """The config's entries for outputs of those names."""
    return {
        "num_labels": len(labels), "id2label": dict(enumerate(labels)),
        "label2id": {name: index for index, name in enumerate(labels)},
    }  # fmt: skip


def save_pretrained(model: nn.Module, folder: Path) -> None:
    """Write weights and config into ``folder`` so that ``transformers`` loads it."""
    with quiet_transformers(), plain_weight_errors(folder):
        model.save_pretrained(folder)  # type: ignore[operator]
        write_local_attention(model, folder)
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # written for the owner alone, but a service may run as another user
