"""Continue learning: old rows in every step, none of them a test row, and both tasks side by side."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.modeling.classifier import load_classifier
from fitwright.spec.manifest import Manifest
from fitwright.training.batches import EncodedRows
from fitwright.training.continuation import read_old
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.replay import ReplayRows, plan_epoch
from fitwright.training.settings import TrainSettings
from fitwright.training.start_penalty import StartPenalty
from fitwright.training.tasks.text_classification import TextClassification
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(
    epochs=2,
    batch_size=64,
    learning_rate=5e-3,
    precision="fp32",
    max_length=48,
    checkpoint_s=0.0,
    method="head",
)


def numbered(lengths: list[int], first: int) -> EncodedRows:
    """Rows whose tokens are all ``first`` and up, so that one sees where they came from."""
    return EncodedRows(
        token_ids=[[first + place] * length for place, length in enumerate(lengths)],
        labels=[first + place for place in range(len(lengths))], pad_id=0,
    )  # fmt: skip


MIXED = ReplayRows(
    numbered([3 + i % 9 for i in range(60)], 1000), numbered([4 + i % 5 for i in range(40)], 5000), 0.25
)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("batch_tokens", [None, 80])
def test_every_step_has_its_share_of_old_rows(packed: bool, batch_tokens: int | None) -> None:
    def plan(epoch: int, seed: int = 0) -> list[list[int]]:
        given: Any = {"packed": packed, "batch_tokens": batch_tokens}
        return plan_epoch(MIXED, 16, seed=seed, epoch=epoch, **given)

    steps = plan(0)
    assert sorted(row for step in steps for row in step if row < 60) == list(range(60))
    weigh = [MIXED.lengths[row] if batch_tokens else 1 for row in range(100)]
    for step in steps:
        old = sum(weigh[row] for row in step if row >= 60)
        assert abs(old - 0.25 * sum(weigh[row] for row in step)) <= (8 if batch_tokens else 1)
    assert steps == plan(0)
    assert steps != plan(1)
    assert steps != plan(0, seed=1)


def test_old_rows_are_drawn_in_turn() -> None:
    drawn: Counter[int] = Counter()
    for epoch in range(6):  # 20 of 40 an epoch
        steps = plan_epoch(MIXED, 16, seed=3, epoch=epoch, packed=True, batch_tokens=None)
        drawn.update(row for step in steps for row in step if row >= 60)
    assert len(drawn) == 40
    assert set(drawn.values()) == {3}


def test_a_mixed_batch_holds_both_kinds() -> None:
    batch = MIXED.batch([8, 61, 0], torch.device("cpu"))  # 11, 5 and 3 tokens
    assert batch.inputs["input_ids"].shape == (3, 16)
    assert batch.inputs["attention_mask"].sum(1).tolist() == [11, 3, 5]
    assert batch.labels.tolist() == [1008, 1000, 5001]
    assert (batch.counts.rows, batch.counts.tokens) == (3, 19)
    assert batch.step == batch.counts


def test_the_penalty_is_the_gradient_of_the_squared_distance() -> None:
    model = torch.nn.Linear(3, 2)
    penalty = StartPenalty(model, 0.5)
    start = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    distance = sum(((p - s) ** 2).sum() for p, s in zip(model.parameters(), start, strict=True))
    expected = torch.autograd.grad(0.25 * distance, list(model.parameters()))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    penalty.add_gradient()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@pytest.fixture
def continued(make_job: MakeJob, reviews_csv: Path, tmp_path: Path) -> Callable[..., Job]:
    """A job that goes on from a model trained on the reviews, with other texts, and knows the old ones."""
    old = train_model(make_job("old"), SETTINGS.but(epochs=1), Silent())
    new, turned = tmp_path / "new.csv", {"negative": "positive", "positive": "negative"}
    with reviews_csv.open(encoding="utf-8", newline="") as file:
        rows = [(f"New {row['text']}", turned[row["label"]]) for row in csv.DictReader(file)][::2]
    with new.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    task = TextClassification()
    data = task.read(new, {}, SETTINGS)

    def make(name: str, **changes: Any) -> Job:
        known = read_old(reviews_csv, old, task, SETTINGS.but(seed=5), data)
        return make_job(name, **{"data": data, "source": old, "old": known, **changes})

    return make


def test_replay_resumes_to_the_same_bits_and_shows_both_tasks(continued: Callable[..., Job]) -> None:
    settings = SETTINGS.but(epochs=1, replay_share=0.5, l2_to_start=0.1)
    job = continued("whole")
    assert set(job.old.data.test.texts).isdisjoint(job.old.data.train.texts)  # type: ignore[union-attr]
    whole = train_model(job, settings, Silent())
    broken = continued("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(broken, settings, StopAfter(3))
    resumed = train_model(broken, settings, Silent())
    expected, found = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    history, manifest = read_history(whole), Manifest.read(whole)
    assert read_history(resumed).continued == history.continued
    assert set(history.continued) == {"old", "new"}
    assert history.continued["old"]["rows"] == manifest.data["replay"]["split_rows"][2]
    assert manifest.data["replay"]["split"]["seed"] == 0  # of the old record, not of the new run
    before = job.task.evaluate(
        load_classifier(job.source, job.data.labels),
        job.task.encode(job.data.test, job.source, job.work, 48),
        torch.device("cpu"),
    )  # fmt: skip
    assert history.continued["new"]["before"] == pytest.approx(before)
    assert "| Test accuracy, old task |" in (whole / "README.md").read_text()


def test_what_cannot_be_continued_is_said(make_job: MakeJob, reviews_csv: Path, tiny_model_dir: Path) -> None:
    job, task = make_job(), TextClassification()
    with pytest.raises(UsageError, match="which old rows are test rows"):
        read_old(reviews_csv, tiny_model_dir, task, SETTINGS, job.data)
