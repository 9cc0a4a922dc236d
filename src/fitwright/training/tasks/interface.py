"""What the loop needs to know about a kind of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from fitwright.training.batches import Batch, Rows
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What chooses the best epoch.

    Attributes:
        name: such as ``accuracy``; one of those that :meth:`Task.evaluate` gives.
        higher_is_better: whether more is better.
        share: whether it is a share of 1, and shown in per cent.
    """

    name: str
    higher_is_better: bool = True
    share: bool = True

    def text(self, value: float) -> str:
        """The value as people read it."""
        return f"{value:.1%}" if self.share else f"{value:.4g}"


class Source(Protocol):
    """Where the rows came from."""

    @property
    def path(self) -> Path: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def rows(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A data file, read and split.

    Attributes:
        train, validation, test: rows in the task's own form; ``len`` works on each.
        source: the file with its fingerprint.
        columns: role → column that were used.
        lines: what to tell about the data before training: lengths, balance, duplicates, warnings.
        labels: names in the order of the model's outputs, where it has any.
        metric: what chooses the epoch, where that follows from the data; else the task's own.
    """

    train: Any
    validation: Any
    test: Any
    source: Source
    columns: Mapping[str, str]
    lines: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    metric: Metric | None = None


class Task(Protocol):
    """A kind of training. Implementations are frozen dataclasses whose fields are the task's own options."""

    name: ClassVar[str]
    """As ``--task`` and the manifest have it; the Hub's name of the pipeline where there is one."""

    @property
    def metric(self) -> Metric:
        """What chooses the epoch, unless the data says otherwise; it may depend on the options."""

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        """Read, check and split the user's file.

        Args:
            path: a file or folder of a kind that the task knows.
            columns: role → column, as far as the user says it; the rest is detected.
            settings: shares held out, and seed.
        """

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        """The model with the task's head, in fp32; a new head is drawn from torch's generator."""

    def encode(self, rows: Any, source: Path, work: Path, max_length: int) -> Rows:
        """Rows as numbers. ``work``: a folder for what is made on the way."""

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The batch's share of its step's loss: an ``Objective`` (``training.step``)."""

    def evaluate(self, model: nn.Module, rows: Rows, device: torch.device) -> dict[str, float]:
        """``loss`` and the task's metrics over those rows; leaves the model in ``eval``."""

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        """Write weights, config and tokenizer so that ``transformers`` loads them."""

    def usage(self) -> str:
        """Python lines that use the model, for its card."""
