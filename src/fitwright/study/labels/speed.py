"""What a labelled row costs on this machine: a few steps of the ordinary loop on real rows, timed."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.optional import require
from fitwright.core.progress import Silent
from fitwright.core.provenance import usable_cores
from fitwright.data.dataset import LabelledText
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import position_limit
from fitwright.modeling.dropout import cheap_dropout
from fitwright.study.labels.judging import packed_where_it_pays
from fitwright.study.probe import WORTH_IT
from fitwright.training.batches import steps_of_epoch
from fitwright.training.distributed.team import Team
from fitwright.training.distributed.world import World
from fitwright.training.job import set_dropout
from fitwright.training.optimizer import adamw
from fitwright.training.settings import TrainSettings
from fitwright.training.step import Stepper, objective_of
from fitwright.training.tasks.interface import TaskData
from fitwright.training.tasks.text_classification import TextClassification
from fitwright.training.threads import keep_torch_threads

TIMED_ROWS = 64
_BATCHES = (32, 8)
"""Of the timings: what a step costs by itself is the difference."""
_NO_RATE = 1e-9
_AROUND_S = 1.0
"""Of a cell besides: the machine's peak is measured, packing is checked, files are written."""
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class RowCost:
    """Seconds that an encoder takes: a row trained on, an optimiser step besides, a row judged, to be loaded.

    ``pass_s``: of the timed pass over all rows. ``tokens``: mean of a row.
    """

    row_s: float
    step_s: float
    judge_s: float
    pass_s: float
    start_s: float
    tokens: float

    def seconds(self, rows: int, epochs: int, batch: int, judged: int) -> float:
        """Of a cell: so many rows and passes over them, rows of a step, rows judged."""
        steps = -(-rows // batch) * epochs
        return (
            _AROUND_S
            + self.start_s
            + self.row_s * rows * epochs
            + self.step_s * steps
            + self.judge_s * judged
        )


def row_cost(
    source: Path, rows: LabelledText, settings: TrainSettings, *, clock: Clock = time.process_time
) -> RowCost:
    """Seconds of one thread that a row takes.

    The second of two passes over the same rows counts: the first one sets up kernels. The process's own time,
    so that what else runs on the machine does not count.

    Args:
        source: folder of the model. rows: some of the training part, :data:`TIMED_ROWS` or fewer.
        settings: of a cell: length, precision and dropout count.
    """
    with keep_torch_threads(1):
        timed = _Timed(source, rows, settings, clock)
        large, small = (timed.trained(batch) for batch in _BATCHES)
        judged = timed.judged()
    few, many = (-(-len(rows) // batch) for batch in _BATCHES)
    step_s = max(0.0, (small - large) / (many - few)) if many > few else 0.0
    return RowCost(
        row_s=max(0.0, large - few * step_s) / len(rows), step_s=step_s, judge_s=judged / len(rows),
        pass_s=large, start_s=timed.start_s, tokens=sum(timed.encoded.lengths) / len(rows),
    )  # fmt: skip


def side_by_side(
    source: Path, rows: LabelledText, settings: TrainSettings, alone: RowCost
) -> tuple[int, float]:
    """How many cells go side by side, a thread each, and the gain over one cell with all threads."""
    cores = usable_cores()
    if cores == 1:
        return 1, 1.0
    with keep_torch_threads(cores):
        together = _Timed(source, rows, settings, time.process_time).trained(_BATCHES[0])
    gain = min(float(cores), together / alone.pass_s) if alone.pass_s else 1.0
    return (cores if gain >= WORTH_IT else 1), gain


class _Timed:
    """An encoder that is ready to be trained on some rows, and a clock beside it."""

    def __init__(self, source: Path, rows: LabelledText, settings: TrainSettings, clock: Clock) -> None:
        self.task, self.team, self.clock = TextClassification(), Team(world=World()), clock
        data = TaskData(
            train=rows, validation=rows, test=(), source=_NoSource(), columns={}, labels=rows.names
        )
        require("transformers").AutoModelForSequenceClassification  # noqa: B018  (imported before the clock)
        started = clock()
        self.model: Any = self.task.load_model(source, data).to(self.team.device)
        self.start_s = clock() - started
        set_dropout(self.model, settings.dropout)
        max_length = position_limit(self.model, settings.max_length)
        choose_training_attention(self.model, self.team.device.type, max_length)
        with tempfile.TemporaryDirectory() as work:
            self.encoded = self.task.encode(rows, source, Path(work), max_length)
        self.stepper = Stepper(
            self.model, objective_of(self.task), adamw(self.model, settings), self.encoded, settings,
            Silent(), self.team, clock,
        )  # fmt: skip
        self.stepper.compute_in(settings.precision)

    def trained(self, batch: int) -> float:
        """Seconds of a pass over the rows, computed as the loop computes it."""
        rows, device = self.encoded, self.team.device.type
        self.model.train()
        with contextlib.ExitStack() as stack:
            if device == "cpu":
                self.stepper.dropout = stack.enter_context(cheap_dropout(self.model, 0))
            packed = stack.enter_context(packed_where_it_pays(self.model, rows, device))
            steps = steps_of_epoch(rows.lengths, batch, seed=0, epoch=0, packed=packed)
            return self._second(lambda: [self.stepper.run(s, at, _NO_RATE) for at, s in enumerate(steps)])

    def judged(self) -> float:
        """Seconds of an evaluation on the rows."""
        device = self.team.device
        with packed_where_it_pays(self.model, self.encoded, device.type):
            return self._second(lambda: self.task.evaluate(self.model, self.encoded, device))

    def _second(self, work: Callable[[], object]) -> float:
        """Of two times the second."""
        work()
        started = self.clock()
        work()
        return self.clock() - started


@dataclass(frozen=True, kw_only=True)
class _NoSource:
    """Rows of a timing come from no file."""

    path: Path = Path()
    fingerprint: str = ""
    rows: int = 0
