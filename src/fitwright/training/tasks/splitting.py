"""From a dataset that is read to the parts that a task is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fitwright.data.interface import Dataset, RowSource
from fitwright.data.kind_profile import profile_of
from fitwright.data.splitting import split
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import Metric, TaskData

Rows = TypeVar("Rows", bound=Dataset)


def split_data(
    dataset: Rows,
    source: RowSource,
    settings: TrainSettings,
    *,
    labels: tuple[str, ...] = (),
    metric: Metric | None = None,
    more: Sequence[str] = (),
) -> TaskData:
    """Split by the rows' keys, and profile what came of it.

    Args:
        dataset, source: what a loader of ``data.kinds`` gives.
        settings: shares held out, and seed.
        labels, metric: of :class:`TaskData`.
        more: to tell after the profile.
    """
    parts = split(dataset, validation=settings.validation, test=settings.test, seed=settings.seed)
    return TaskData(
        train=parts.train, validation=parts.validation, test=parts.test, source=source,
        columns=source.columns, labels=labels, metric=metric,
        lines=(*profile_of(dataset, parts, source=source).lines(), *more),
    )  # fmt: skip
