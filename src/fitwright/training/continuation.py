"""Train an existing model on new data without losing the old: its old data, and quality before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.training.batches import Rows
from fitwright.training.history import History
from fitwright.training.replay import ReplayRows
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Task, TaskData

if TYPE_CHECKING:
    import torch
    from torch import nn

BEFORE_NAME = "before.json"


@dataclass(frozen=True, kw_only=True)
class OldData:
    """The data that a model was trained on, split as it was then.

    Attributes:
        data: its parts; the test part is never trained on.
        split: shares and seed, from the old model's record.
    """

    data: TaskData
    split: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For the manifest's ``data`` entry."""
        data = self.data
        return {
            "fingerprint": data.source.fingerprint, "file": data.source.path.name, "rows": data.source.rows,
            "columns": dict(data.columns), "split": dict(self.split),
            "split_rows": [len(part) for part in (data.train, data.validation, data.test)],
        }  # fmt: skip


def read_old(path: Path, model: Path, task: Task, settings: TrainSettings, new: TaskData) -> OldData:
    """Read the data that ``model`` was trained on.

    The part of a row follows from its text and the record's seed and shares, so that other rows of the file,
    or fewer, leave the test rows what they were.

    Args:
        path: the old data.
        model: the model directory that training goes on from.
        task, settings, new: of the run to come.

    Raises:
        UsageError: the model has no record of a split, is of another task, or its classes are not those of
            the new data.
    """
    record = Manifest.read(model) if (model / MANIFEST_NAME).is_file() else None
    if record is None or "split" not in record.data:
        raise UsageError(
            "replay needs a model that fitwright trained: its record says which old rows are test rows",
            got=str(model), mend="Give such a model directory with --model, or leave --replay out.",
        )  # fmt: skip
    if record.task != task.name:
        raise UsageError("the old model is of another task", got=record.task, allowed=task.name)
    if record.labels != new.labels:
        raise UsageError(
            "the classes of the new data are not those that the model knows", got=", ".join(new.labels),
            allowed=", ".join(record.labels), mend="Rename the labels in the file, or leave --replay out.",
        )  # fmt: skip
    old = read_recorded(path, record.data, task, settings)
    if old.data.labels != record.labels:
        raise UsageError(
            "the classes of the old data are not those that the model knows", got=", ".join(old.data.labels),
            allowed=", ".join(record.labels), mend="Give the file that the model was trained on.",
        )  # fmt: skip
    forms = _form(old.data.train), _form(new.train)
    if forms[0] != forms[1]:
        raise UsageError(
            "old and new data are of different forms", got=forms[1], allowed=forms[0],
            mend="Give both as pairs, as triplets with as many negatives, or both with scores.",
        )  # fmt: skip
    _refuse_shared(old, new)
    return old


def _form(rows: Any) -> str:
    """What rows of embedding data are made of; empty for any other kind."""
    negatives = getattr(rows, "negatives", None)
    return f"{getattr(rows, 'form', '')}{f', {len(negatives[0])} negatives' if negatives else ''}"


def _refuse_shared(old: OldData, new: TaskData) -> None:
    """Old test rows must not come back as new training rows."""
    if not hasattr(old.data.test, "keys"):
        return
    shared = set(old.data.test.keys()) & set(new.train.keys())
    if shared:
        raise UsageError(
            "old test rows are among the new training rows", got=f"{len(shared):,} of {len(old.data.test):,}",
            mend="Give a file of new rows alone, or the same --seed, --validation and --test as then.",
        )  # fmt: skip


def read_recorded(path: Path, record: Mapping[str, Any], task: Task, settings: TrainSettings) -> OldData:
    """Read old data as a record says: its columns, its split."""
    split = dict(record["split"])
    return OldData(data=task.read(path, dict(record["columns"]), settings.but(**split)), split=split)


class Continuation:
    """Old and new task of one run, measured on their test parts, which choose nothing."""

    def __init__(
        self, old: OldData, new: TaskData, task: Task, encode: Callable[[Any], Rows], device: torch.device
    ) -> None:
        self._old, self._task, self._encode, self._device = old, task, encode, device
        self._parts = {"old": old.data.test, "new": new.test}
        self._before: dict[str, Any] = {}

    def rows(self, training: Rows, share: float) -> Rows:
        """The training rows with that share of old ones among them."""
        return ReplayRows(training, self._encode(self._old.data.train), share) if share else training

    def measure_before(self, model: nn.Module, work: Path) -> None:
        """What the model can do before the first step; a resumed run reads it from its work folder."""
        if not (work / BEFORE_NAME).is_file():
            write_json(work / BEFORE_NAME, self._measure(model))
        self._before = read_json(work / BEFORE_NAME, what="quality before training")

    def side_by_side(self, model: nn.Module) -> dict[str, Any]:
        """``{"old": {"rows", "before", "after"}, "new": …}``: the task's metrics on both test parts."""
        after = self._measure(model)
        return {
            name: {"rows": len(part), "before": self._before[name], "after": after[name]}
            for name, part in self._parts.items()
        }

    def _measure(self, model: nn.Module) -> dict[str, Any]:
        model.to(self._device)
        return {
            name: self._task.evaluate(model, self._encode(part), self._device)
            for name, part in self._parts.items()
        }


def side_by_side_lines(history: History) -> list[str]:
    """How old and new task fared, for people: ``old task (93 rows): accuracy 81.2% before, 80.1% after``."""
    name, text = history.metric, history.shown.text
    return [
        f"{which} task ({found['rows']:,} test rows): {name} {text(found['before'][name])} before, "
        f"{text(found['after'][name])} after"
        for which, found in history.continued.items()
    ]
