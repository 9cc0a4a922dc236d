"""Sequence classifiers in the Hugging Face layout: load, adapt the head, save with their tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.modeling.pretrained import load_pretrained, named_outputs, save_pretrained
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    from torch import nn

_OLD_VOCABULARIES = (
    "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
)  # fmt: skip
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
        "AutoModelForSequenceClassification", folder, "a classifier", new_head=True, problem_type=problem,
        **named_outputs(labels),
    )  # fmt: skip


def save_classifier(model: nn.Module, tokenizer_from: Path, folder: Path) -> None:
    """Write weights, config and tokenizer into ``folder`` so that ``transformers`` loads it."""
    save_pretrained(model, folder)
    copy_tokenizer(tokenizer_from, folder)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy the tokenizer's files, or convert an old one to ``tokenizer.json`` first.

    Raises:
        UsageError: the folder has no tokenizer: transformers would make one without a vocabulary.
    """
    if (source / "tokenizer.json").is_file():
        for name in TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        return
    if not any((source / name).is_file() for name in _OLD_VOCABULARIES):
        raise UsageError(
            "the folder has no tokenizer", got=str(source), allowed="tokenizer.json, or an old vocabulary",
            mend="Put the model's tokenizer files beside config.json.",
        )  # fmt: skip
    with quiet_transformers():
        tokenizer = require("transformers").AutoTokenizer.from_pretrained(
            source, use_fast=True, trust_remote_code=False, local_files_only=True
        )
        tokenizer.save_pretrained(folder)


def tokenizer_folder(source: Path, work: Path) -> Path:
    """A folder with ``tokenizer.json``: the model's own, or one in ``work`` with an old one converted.

    Raises:
        UsageError: the model has no tokenizer.
    """
    if (source / "tokenizer.json").is_file():
        return source
    converted = work / "tokenizer"
    converted.mkdir(parents=True, exist_ok=True)
    copy_tokenizer(source, converted)
    return converted


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
