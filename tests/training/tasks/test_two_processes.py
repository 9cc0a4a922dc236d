"""Losses that contrast the rows of a step see those of all processes: two train what one does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.training.directory import read_history
from tests.training.tasks.cases import Case
from tests.training.tasks.more_cases import MORE_CASES
from tests.training.test_distributed import assert_near
from tests.training.together import together

CONTRASTS = [case for case in MORE_CASES if case.task in ("sentence-similarity", "image-text")]


def start_of(source: Path, folder: Path) -> Path:
    """A copy with weights, where there is a config alone."""
    shutil.copytree(source, folder)
    if not (folder / "model.safetensors").exists():
        from transformers import AutoConfig, AutoModel

        AutoModel.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", CONTRASTS, ids=lambda case: case.name)
def test_two_processes_contrast_what_one_does(
    case: Case, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    start = start_of(request.getfixturevalue(case.source), tmp_path / "start")
    (tmp_path / "data").mkdir()
    arguments = [
        "train", str(case.data(tmp_path / "data")), "--model", str(start), "--task", case.task,
        "--epochs", "2", "--lr", "5e-3", "--precision", "fp32", "--dropout", "0.0", "--batch-size", "15",
        "--output",
    ]  # fmt: skip
    ended = together([*arguments, str(tmp_path / "two")])
    assert [one.code for one in ended] == [0, 0], ended[0].err + ended[1].err
    assert run([*arguments, str(tmp_path / "one")]) == 0
    assert read_history(tmp_path / "two").processes == 2
    assert_near(tmp_path / "two", tmp_path / "one", start)
