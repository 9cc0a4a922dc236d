"""Sequence classifiers in the Hugging Face layout: load, adapt the head, save with their tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.optional import require
from fitwright.modeling.pretrained import load_pretrained, named_outputs, save_pretrained
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    from torch import nn

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
)  # fmt: skip


def load_classifier(
    folder: Path, labels: tuple[str, ...], problem: str = "single_label_classification"
) -> nn.Module:
    """A sequence classifier with one logit a label; a head of another shape is made anew.

    Weights come from safetensors only and remote code is off. The new head's random numbers are
    drawn from torch's global generator: seed it first.

    Args:
        folder: with ``config.json``.
        labels: names in the order of the logits.
        problem: transformers' ``problem_type``: what its pipelines make of the logits.
    """
    return load_pretrained(
        "AutoModelForSequenceClassification", folder, "a classifier", problem_type=problem,
        **named_outputs(labels),
    )  # fmt: skip


def save_classifier(model: nn.Module, tokenizer_from: Path, folder: Path) -> None:
    """Write weights, config and tokenizer into ``folder`` so that ``transformers`` loads it."""
    save_pretrained(model, folder)
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
