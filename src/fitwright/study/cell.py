"""One cell of a ladder: trained by the same loop as any model, judged after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fitwright.core.files import sha256_json
from fitwright.core.progress import Progress
from fitwright.data.token_blocks import Stream, blocks_of, open_stream
from fitwright.scaling.design.plan import Cell, Plan
from fitwright.study.folder import SEEN_BLOCKS, StudyFolder
from fitwright.study.starts import Part, write_start
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.blocks import CausalBlocks, MaskedBlocks
from fitwright.training.tasks.interface import Task, TaskData
from fitwright.training.tasks.language_modeling import (
    CausalLanguageModeling,
    MaskedLanguageModeling,
    masked_blocks,
)
from fitwright.training.tasks.vocabulary import raw_tokenizer, specials_of

CHECKPOINT_S = 20.0
_SEEN_SEED = 1


def start(folder: StudyFolder, plan: Plan, cell: Cell) -> Path:
    """Configuration and tokenizer that a cell starts from; written where they are not there yet."""
    return write_start(folder, plan.model_family, cell.shape, plan.vocabulary, plan.block)


def train_cell(folder: StudyFolder, plan: Plan, cell: Cell, progress: Progress) -> Path:
    """Train a cell to the end, or go on where it stopped; its model directory."""
    task: Task = CausalLanguageModeling() if plan.model_family.kind == "decoder" else MaskedLanguageModeling()
    job = Job(
        task=task, data=_data(folder, plan, cell), source=start(folder, plan, cell),
        source_name=f"{plan.family} {cell.shape.name}", output=folder.cell(cell),
        provenance=dict(plan.provenance),
    )  # fmt: skip
    return train_model(job, settings_of(plan, cell), progress)


def settings_of(plan: Plan, cell: Cell) -> TrainSettings:
    """The loop's settings of a cell: no early stop, so that each cell is what the plan says."""
    return TrainSettings(
        epochs=cell.epochs, batch_size=cell.batch_blocks, learning_rate=cell.learning_rate,
        weight_decay=plan.weight_decay, dropout=plan.dropout, max_length=plan.block, precision="fp32",
        packing="off", patience=cell.epochs, seed=plan.seed, checkpoint_s=CHECKPOINT_S,
    )  # fmt: skip


def _data(folder: StudyFolder, plan: Plan, cell: Cell) -> TaskData:
    causal = plan.model_family.kind == "decoder"
    stream_S = open_stream(folder.training_tokens)[: cell.unique_tokens + causal]
    held_S = open_stream(folder.held_out_tokens)
    train, held = (_rows(folder, plan, part_S) for part_S in (stream_S, held_S))
    held = replace(held, seen=_some(train, SEEN_BLOCKS))
    fingerprint = sha256_json([plan.corpus["fingerprint"], plan.vocabulary, cell.unique_tokens])
    source = Part(path=folder.training_tokens, fingerprint=fingerprint, rows=len(train))
    columns: Mapping[str, str] = {}
    return TaskData(train=train, validation=held, test=(), source=source, columns=columns)


def _rows(folder: StudyFolder, plan: Plan, stream_S: Stream) -> CausalBlocks | MaskedBlocks:
    if plan.model_family.kind == "decoder":
        return CausalBlocks(blocks=blocks_of(stream_S, plan.block, overlap=1))
    specials = specials_of(folder.tokenizer, raw_tokenizer(folder.tokenizer, folder.root))
    return masked_blocks(stream_S, plan.block, specials, MaskedLanguageModeling.mask_share, plan.seed)


def _some(rows: Any, count: int) -> Any:
    """Up to ``count`` of the blocks, the same ones each time."""
    chosen = np.random.default_rng(_SEEN_SEED).permutation(len(rows))[:count]
    return replace(rows, blocks=rows.blocks[np.sort(chosen)])
