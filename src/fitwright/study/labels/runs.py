"""The rows of a labelled study's ``runs.csv`` as numbers, and which of them a learning curve is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitwright.study.runs_table import read_runs


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """A row of the table.

    Attributes:
        model, parameters: the encoder. rows: labelled, each different. draw: sample of them.
        dropout: as text, empty for the model's own.
        error, loss: on held-out rows. train_loss: on rows that were trained on.
        validation_accuracy, validation_loss: of the kept state; what runs are chosen by.
    """

    cell: str
    model: str
    parameters: int
    rows: int
    draw: int
    epochs: int
    dropout: str
    weight_decay: str
    error: float
    loss: float
    train_loss: float
    validation_accuracy: float
    validation_loss: float

    @property
    def regularisation(self) -> tuple[str, str]:
        """Dropout and weight decay."""
        return self.dropout, self.weight_decay

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_rows(path: Path) -> tuple[LabelRow, ...]:
    """The rows of a labelled study's table.

    Raises:
        DataError: it was changed.
    """
    return read_runs(path, _row)


def chosen(rows: Sequence[LabelRow], model: str) -> tuple[LabelRow, ...]:
    """For each amount and draw of a model the run that validation preferred, ascending by amount.

    Epochs and regularisation are chosen as somebody with those labels would: not by the rows that judge.
    """
    groups: dict[tuple[int, int], list[LabelRow]] = defaultdict(list)
    for row in rows:
        if row.model == model:
            groups[row.rows, -row.draw].append(row)
    return tuple(preferred(groups[key]) for key in sorted(groups))


def preferred(rows: Sequence[LabelRow]) -> LabelRow:
    """The run with the best validation accuracy, of equals with the lowest validation loss."""
    return min(rows, key=lambda row: (-row.validation_accuracy, row.validation_loss))


def _row(row: Mapping[str, str]) -> LabelRow:
    return LabelRow(
        cell=row["cell"], model=row["model"], parameters=int(row["params"]), rows=int(row["unique_rows"]),
        draw=int(row["draw"]), epochs=int(row["epochs"]), dropout=row["dropout"],
        weight_decay=row["weight_decay"], error=float(row["error"]), loss=float(row["loss"]),
        train_loss=float(row["train_loss"]), validation_accuracy=float(row["validation_accuracy"]),
        validation_loss=float(row["validation_loss"]),
    )  # fmt: skip
