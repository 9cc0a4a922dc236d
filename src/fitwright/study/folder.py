"""The folder of a study: one place for plan, tokenizer, tokens, cells and the table of runs.

- ``study.json``: the plan
- ``tokens/train.npy``, ``tokens/heldout.npy``, ``tokenizer/``: the corpus
- ``starts/<shape>/``: configurations; ``cells/<name>/``: a model directory for each cell
- ``runs.csv``: what ``study fit`` reads; ``fit.json``: what it wrote
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fitwright.core.files import write_json
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.scaling.design.plan import Cell, Plan

HELD_OUT_BLOCKS, SEEN_BLOCKS = 128, 48
"""Blocks that a cell is judged by after each epoch: held-out ones, and as many of those it trains on."""


@dataclass(frozen=True)
class StudyFolder:
    """Where things lie in ``root``."""

    root: Path

    @property
    def tokenizer(self) -> Path:
        return self.root / "tokenizer"

    @property
    def training_tokens(self) -> Path:
        return self.root / "tokens" / "train.npy"

    @property
    def held_out_tokens(self) -> Path:
        return self.root / "tokens" / "heldout.npy"

    @property
    def runs(self) -> Path:
        return self.root / "runs.csv"

    @property
    def fitted(self) -> Path:
        return self.root / "fit.json"

    def cell(self, cell: Cell) -> Path:
        """The model directory of a cell."""
        return self.root / "cells" / cell.name

    def start(self, plan: Plan, cell: Cell) -> Path:
        """Configuration and tokenizer that a cell starts from; written where they are not there yet."""
        folder = self.root / "starts" / cell.shape.name.replace("/", "-")
        if not (folder / "config.json").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            copy_tokenizer(self.tokenizer, folder)
            config = plan.model_family.config(cell.shape, plan.vocabulary, plan.block)
            write_json(folder / "config.json", config)
        return folder
