"""Sequence classifiers in the Hugging Face layout: load, adapt the head, save with their tokenizer."""

from __future__ import annotations

import contextlib
import logging
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.weights import plain_weight_errors

if TYPE_CHECKING:
    from torch import nn

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
)  # fmt: skip


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep load reports and bars of transformers off the terminal inside the block."""
    hub_logging: Any = require("transformers.utils.logging")
    before, bars = hub_logging.get_verbosity(), hub_logging.is_progress_bar_enabled()
    hub_logging.set_verbosity_error()
    hub_logging.disable_progress_bar()
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        hub_logging.set_verbosity(before)
        if bars:
            hub_logging.enable_progress_bar()
        logger.setLevel(level)


def load_classifier(folder: Path, labels: tuple[str, ...]) -> nn.Module:
    """A sequence classifier with one logit a label; a head of another shape is made anew.

    Weights come from safetensors only and remote code is off. The new head's random numbers are
    drawn from torch's global generator: seed it first.
    """
    transformers = require("transformers")
    ids = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    try:
        with quiet_transformers():
            model: nn.Module = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, num_labels=len(labels), use_safetensors=True, trust_remote_code=False,
                local_files_only=True, ignore_mismatched_sizes=True, dtype="float32", **ids,
            )  # fmt: skip
    except (ValueError, OSError, KeyError, require("safetensors").SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise UsageError(f"this model cannot be loaded as a classifier: {reason}", got=str(folder)) from error
    return model


def save_classifier(model: nn.Module, tokenizer_from: Path, folder: Path) -> None:
    """Write weights, config and tokenizer into ``folder`` so that ``transformers`` loads it."""
    with quiet_transformers(), plain_weight_errors(folder):
        model.save_pretrained(folder)  # type: ignore[operator]
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # written for the owner alone, but a service may run as another user
    copy_tokenizer(tokenizer_from, folder)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy the tokenizer's files, or convert an old one to ``tokenizer.json`` first."""
    if (source / "tokenizer.json").is_file():
        for name in TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        return
    with quiet_transformers():
        tokenizer = require("transformers").AutoTokenizer.from_pretrained(
            source, use_fast=True, trust_remote_code=False, local_files_only=True
        )
        tokenizer.save_pretrained(folder)


def position_limit(model: nn.Module, asked: int) -> int:
    """Tokens a row may have: ``asked``, cut to the model's own position table.

    Where that table has a padding row (RoBERTa, MPNet and their kin), positions count from the row after it.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit <= 0:
        return asked
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(getattr(module, "padding_idx", None), int):
            return min(asked, limit - int(module.padding_idx) - 1)
    return min(asked, limit)
