"""A student really learns its teacher's answers, and an interrupted one ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fitwright.compression.distil import Distillation, DistilSettings, distil
from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent, Task
from fitwright.data.dataset import load_labelled
from fitwright.data.splitting import split
from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.classifier import load_classifier
from fitwright.modeling.layers import keep_layers, spread
from fitwright.spec.manifest import Manifest
from fitwright.training.batches import sorted_batches
from fitwright.training.directory import read_history
from fitwright.training.job import Job
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.text_classification import TextClassification, task_data

MakeJob = Callable[..., Job]
TRAIN = TrainSettings(
    epochs=3, learning_rate=2e-3, precision="fp32", max_length=48, dropout=0.0, checkpoint_s=0.0
)
SETTINGS = DistilSettings(layers=2, train=TRAIN)


@pytest.fixture(scope="module")
def teacher_dir(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """A model directory whose answers differ from text to text: the lively tiny model's weights."""
    import shutil

    path = tmp_path_factory.mktemp("teacher") / "teacher"
    shutil.copytree(tiny_bundle, path, ignore=shutil.ignore_patterns("engines", "fitwright.json"))
    return path


@pytest.fixture
def make_job(reviews_csv: Path, teacher_dir: Path, tmp_path: Path) -> MakeJob:
    def make(name: str = "student") -> Job:
        dataset, source = load_labelled(reviews_csv)
        return Job(
            task=TextClassification(), data=task_data(source, split(dataset)), source=teacher_dir,
            source_name="teacher",
            output=tmp_path / name, provenance={"command": "a test", "versions": {}},
        )  # fmt: skip

    return make


class StopAfter(Silent):
    def __init__(self, steps: int) -> None:
        self.steps = steps

    @contextmanager
    def task(self, title: str, total: float | None, unit: str = "") -> Iterator[Task]:
        yield self

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if note:
            self.steps -= 1
            if self.steps < 0:
                raise KeyboardInterrupt


def divergence(teacher: torch.nn.Module, student: torch.nn.Module, job: Job) -> float:
    """Mean KL(teacher ‖ student) in nats over the test part, rows that neither saw in training."""
    rows = job.task.encode(job.data.test, job.source, job.work, 48)
    total = 0.0
    with torch.inference_mode():
        for _, batch in sorted_batches(rows, 32, torch.device("cpu")):
            logs = [m.eval()(**batch.inputs).logits.log_softmax(-1) for m in (teacher, student)]
            total += float((logs[0].exp() * (logs[0] - logs[1])).sum())
    return total / len(rows)


def test_a_student_comes_to_answer_as_its_teacher(make_job: MakeJob) -> None:
    job = make_job()
    teacher = load_classifier(job.source, job.data.labels)
    before = divergence(teacher, keep_layers(teacher, spread(4, 2)), job)
    folder = distil(job, SETTINGS, Silent())
    student = load_classifier(folder, job.data.labels)
    assert student.config.num_hidden_layers == 2
    assert divergence(teacher, student, job) < 0.7 * before
    losses = [point.train_loss for point in read_history(folder).points]
    assert losses[-1] < 0.7 * losses[0]
    manifest = Manifest.read(folder)
    assert manifest.stage == "distil"
    assert manifest.settings["distil"] == {"kept_layers": [0, 3], "temperature": 2.0, "hidden_weight": 0.5}
    assert manifest.made_from["model"] == "teacher"


@pytest.mark.parametrize("steps", [4, 12])
def test_interrupted_it_ends_with_the_same_bits(make_job: MakeJob, steps: int) -> None:
    settings = replace(SETTINGS, train=TRAIN.but(epochs=2))
    whole = distil(make_job("whole"), settings, Silent())
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        distil(job, settings, StopAfter(steps))
    assert not job.output.exists()
    resumed = distil(job, settings, Silent())
    expected, found = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not job.work.exists()
    distil(job, settings, StopAfter(0))  # finished: not one more step


@torch.no_grad()
def test_a_copy_of_the_teacher_has_nothing_to_learn(make_job: MakeJob) -> None:
    job = make_job()
    teacher = load_classifier(job.source, job.data.labels).eval()
    rows = job.task.encode(job.data.test, job.source, job.work, 48)
    batch = rows.batch([0, 1, 2], torch.device("cpu"))
    same = keep_layers(teacher, (0, 1, 2, 3)).eval()
    loss = Distillation(teacher, (0, 1, 2, 3), SETTINGS)
    assert float(loss(same, batch)) == pytest.approx(0.0, abs=1e-6)
    student = keep_layers(teacher, (0, 3)).eval()
    both = float(Distillation(teacher, (0, 3), SETTINGS)(student, batch))
    answers = float(Distillation(teacher, (0, 3), replace(SETTINGS, hidden_weight=0.0))(student, batch))
    assert both > answers > 0
    assert not any(p.requires_grad for p in loss.teacher.parameters())


@torch.no_grad()
def test_padding_teaches_nothing(make_job: MakeJob) -> None:
    """The same rows, padded further: the same loss."""
    job = make_job()
    teacher = load_classifier(job.source, job.data.labels).eval()
    rows = job.task.encode(job.data.test, job.source, job.work, 48)
    pad_id = TextTokenizer.load(job.source, 48).pad_id
    narrow = rows.batch([0, 1], torch.device("cpu"))
    pad = torch.nn.functional.pad
    ids, mask = narrow.inputs["input_ids"], narrow.inputs["attention_mask"]
    wider = {"input_ids": pad(ids, (0, 16), value=pad_id), "attention_mask": pad(mask, (0, 16))}
    wide = replace(narrow, inputs=wider)
    student, loss = keep_layers(teacher, (0, 3)).eval(), Distillation(teacher, (0, 3), SETTINGS)
    assert float(loss(student, wide)) == pytest.approx(float(loss(student, narrow)), rel=1e-4)


def test_a_student_is_smaller_than_its_teacher(make_job: MakeJob) -> None:
    with pytest.raises(UsageError, match="fewer layers than its teacher; got 4; allowed: 1 to 3"):
        distil(make_job(), replace(SETTINGS, layers=4), Silent())
    for bad in ({"layers": 0}, {"layers": 1, "temperature": 0.0}, {"layers": 1, "hidden_weight": -1.0}):
        with pytest.raises(UsageError):
            DistilSettings(**bad)  # type: ignore[arg-type]
