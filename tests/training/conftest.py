from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitwright.data.dataset import load_labelled
from fitwright.data.splitting import split
from fitwright.training.job import Job
from fitwright.training.tasks.text_classification import TextClassification, task_data


@pytest.fixture
def make_job(reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path) -> Callable[..., Job]:
    """A job on 400 real sentences that starts from the tiny model; each call another output folder."""

    def make(name: str = "out", **changes: Any) -> Job:
        dataset, source = load_labelled(reviews_csv)
        given = {
            "task": TextClassification(), "data": task_data(source, split(dataset)),
            "source": tiny_model_dir, "source_name": "tiny",
            "output": tmp_path / name, "provenance": {"command": "a test", "versions": {}},
        }  # fmt: skip
        return Job(**{**given, **changes})

    return make
