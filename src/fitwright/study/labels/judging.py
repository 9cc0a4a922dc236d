"""A finished cell on rows that it was not trained on, and on some that it was."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.files import read_json
from fitwright.data.dataset import LabelledText
from fitwright.modeling.attention import choose_training_attention
from fitwright.training.batches import Rows
from fitwright.training.job import device_type
from fitwright.training.packing import choose_packing, packed_models
from fitwright.training.tasks.interface import TaskData
from fitwright.training.tasks.text_classification import TextClassification

if TYPE_CHECKING:
    from torch import nn

JUDGED_NAME = "heldout.json"
MOST_SEEN = 250
"""Training rows that a finished cell is judged on too."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of it.

    Attributes:
        heldout_loss, seen_loss: mean cross-entropy in nats. heldout_accuracy, seen_accuracy: shares of 1.
        rows: that it was trained on, each as often as it was seen.
    """

    heldout_loss: float
    heldout_accuracy: float
    seen_loss: float
    seen_accuracy: float
    rows: int

    @classmethod
    def read(cls, cell: Path) -> Judged:
        """What a cell's folder says."""
        return cls(**read_json(cell / JUDGED_NAME, what="judgement of a cell"))


def judge(trained: Path, data: TaskData, held: LabelledText, max_length: int) -> Judged:
    """The kept epoch's weights on the held-out rows and on the first of those that were trained on."""
    import torch

    task, device = TextClassification(), torch.device(device_type())
    model: Any = task.load_model(trained, data).to(device)
    choose_training_attention(model, device.type, max_length)
    seen = data.train.subset(range(min(MOST_SEEN, len(data.train))))
    found: list[float] = []
    with tempfile.TemporaryDirectory() as work:
        for rows in (held, seen):
            encoded = task.encode(rows, trained, Path(work), max_length)
            with packed_where_it_pays(model, encoded, device.type):
                scores = task.evaluate(model, encoded, device)
            found += [scores["loss"], scores["accuracy"]]
    return Judged(
        heldout_loss=found[0], heldout_accuracy=found[1], seen_loss=found[2], seen_accuracy=found[3],
        rows=len(data.train),
    )  # fmt: skip


@contextlib.contextmanager
def packed_where_it_pays(model: nn.Module, rows: Rows, device: str) -> Iterator[bool]:
    """Inside the block the model computes no padding where the training stage would compute none."""
    packed = choose_packing("auto", [model], 1.0, device, shortest=min(rows.lengths)) == "on"
    with contextlib.ExitStack() as stack:
        if packed:
            stack.enter_context(packed_models([model]))
        yield packed
