"""The folder of a study: one place for plan, tokenizer, tokens, cells and the table of runs.

- ``study.json``: the plan
- ``tokens/train.npy``, ``tokens/heldout.npy``, ``tokenizer/``: the corpus
- ``rows/train.jsonl``, ``validation.jsonl``, ``heldout.jsonl``: labelled rows, in place of tokens
- ``starts/<shape>/``: configurations; ``cells/<name>/``: a model directory for each cell
- ``runs.csv``: what ``study fit`` reads; ``fit.json``: what it wrote
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fitwright.scaling.design.plan import PlannedCell

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

    def cell(self, cell: PlannedCell) -> Path:
        """The model directory of a cell."""
        return self.root / "cells" / cell.name
