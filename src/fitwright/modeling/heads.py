"""A body from a folder with a head for the job: loaded, or, where the folder has no weights, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.core.optional import require
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    from torch import nn

LSTM = "fitwright-lstm"
"""``model_type`` of :mod:`fitwright.modeling.lstm`, which is imported where a model is of that type."""


def load_with_head(folder: Path, auto_class: str, purpose: str, **config: Any) -> nn.Module:
    """The model of a folder with the head that ``auto_class`` gives it, in fp32.

    Weights come from safetensors only and remote code is off. What the folder has no weights for (a new head,
    a head of another shape, or all where it holds a config alone) is drawn from torch's global generator:
    seed it first.

    Args:
        folder: config and weights.
        auto_class: of transformers, such as ``AutoModelForTokenClassification``.
        purpose: what the model is loaded for, as the error says it.
        config: entries of the config that are to be other than in the folder.

    Raises:
        UsageError: this architecture has no such head, or the files are broken.
    """
    transformers = require("transformers")
    auto = getattr(transformers, auto_class)
    register_own(folder)
    try:
        with quiet_transformers():
            if any(folder.glob("model*.safetensors")):
                model: nn.Module = auto.from_pretrained(
                    folder, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                    ignore_mismatched_sizes=True, dtype="float32", **config,
                )  # fmt: skip
            else:
                settings = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, **config)
                model = auto.from_config(settings)
    except (ValueError, OSError, KeyError, require("safetensors").SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise UsageError(f"this model cannot be loaded {purpose}: {reason}", got=str(folder)) from error
    return model


def register_own(folder: Path) -> None:
    """Tell transformers of the one architecture that is Fitwright's own, where a folder holds it."""
    path = folder / "config.json"
    if path.is_file() and read_json(path, what="config.json").get("model_type") == LSTM:
        from fitwright.modeling.lstm import register

        register()


def named_outputs(labels: tuple[str, ...]) -> dict[str, Any]:
    """The config's entries for outputs of those names."""
    return {
        "num_labels": len(labels), "id2label": dict(enumerate(labels)),
        "label2id": {name: index for index, name in enumerate(labels)},
    }  # fmt: skip
