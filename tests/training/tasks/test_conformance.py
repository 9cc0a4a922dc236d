"""Every kind of training: it learns, resumes to the same bits, and its steps may be cut and packed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from fitwright.api.reproduce import reproduce
from fitwright.api.train import train
from fitwright.core.progress import Progress
from fitwright.modeling.comparison import compare_weights
from fitwright.modeling.packing.model import PackedModel
from fitwright.training.directory import read_history
from fitwright.training.job import set_dropout
from fitwright.training.settings import TrainSettings
from fitwright.training.starting import starting_folder
from fitwright.training.step import cut
from fitwright.training.tasks.interface import Task, TaskData
from fitwright.training.tasks.registry import task_of
from tests.training.tasks.cases import CASES, Case
from tests.training.test_classification import StopAfter

SETTINGS = TrainSettings(
    epochs=2, batch_size=8, learning_rate=5e-3, precision="fp32", max_length=32, checkpoint_s=0.0,
    validation=0.2, test=0.2,
)  # fmt: skip
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Scene:
    """A case with its data and what it starts from; ``whole`` is the uninterrupted run's folder."""

    case: Case
    data: Path
    model: str
    folder: Path
    whole: Path

    @property
    def settings(self) -> TrainSettings:
        return SETTINGS.but(**self.case.settings)

    def train(self, name: str, progress: Progress | None = None) -> Path:
        case = self.case
        return train(
            self.data, model=self.model, output=self.folder / name, task=case.task,
            columns=case.columns, options=case.options, settings=self.settings, progress=progress,
        )  # fmt: skip

    def read(self) -> tuple[Task, TaskData]:
        task = task_of(self.case.task, self.case.options)
        return task, task.read(self.data, self.case.columns, self.settings)

    def gradients(self, task: Task, data: TaskData, parts: int, *, packed: bool) -> list[torch.Tensor]:
        """Loss and gradients of a first step of 11 rows, computed in that many parts, without dropout."""
        source = starting_folder(self.model, data)
        rows = task.encode(data.train, source, self.folder, self.settings.max_length)
        torch.manual_seed(0)
        model = task.load_model(source, data).train()
        set_dropout(model, 0.0)
        if packed:
            PackedModel(model, multiple=64)
        step, total = list(range(11)), torch.zeros(())
        for part in cut(step, parts):
            loss = task.loss(model, rows.batch(part, CPU, step=rows.counts(step)))
            loss.backward()
            total += loss.detach()
        return [total, *(p.grad for p in model.parameters() if p.grad is not None)]


MARKED = [pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else []) for case in CASES]


@pytest.fixture(scope="module", params=MARKED)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.name)
    model = case.model or str(request.getfixturevalue(case.source))
    made = Scene(case, case.data(folder), model, folder, folder / "whole")
    made.train("whole")
    return made


def test_it_learns_and_keeps_the_best_epoch(scene: Scene) -> None:
    history = read_history(scene.whole)
    assert history.points[-1].train_loss < history.points[0].train_loss
    assert history.metric in history.best.metrics
    assert history.packing == ("on" if scene.case.packs else "off")


def test_transformers_loads_what_came_out(scene: Scene) -> None:
    scene.case.opens(scene.whole)


def test_interrupted_it_ends_with_the_same_bits(scene: Scene) -> None:
    steps = read_history(scene.whole).points[0].step
    with pytest.raises(KeyboardInterrupt):
        scene.train("broken", StopAfter(steps + steps // 2))
    assert not (scene.folder / "broken").exists()
    assert compare_weights(scene.train("broken"), scene.whole).different == ()


def test_its_record_suffices_to_make_it_again(scene: Scene) -> None:
    assert reproduce(scene.whole, data=scene.data, source=scene.model).identical


def test_a_step_has_one_gradient_however_it_is_cut_and_packed(scene: Scene) -> None:
    task, data = scene.read()
    expected = scene.gradients(task, data, 1, packed=False)
    assert max(float(gradient.abs().max()) for gradient in expected[1:]) > 1e-3
    variants = [scene.gradients(task, data, 3, packed=False)]
    if scene.case.packs:
        variants.append(scene.gradients(task, data, 1, packed=True))
    for found in variants:
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
