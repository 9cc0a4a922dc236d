"""Every kind of training: it learns, resumes to the same bits, and its steps may be cut and packed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch

from fitwright.api.reproduce import reproduce
from fitwright.api.train import train
from fitwright.core.progress import Progress
from fitwright.modeling.comparison import compare_weights
from fitwright.modeling.packing.model import PackedModel
from fitwright.training.batches import Rows
from fitwright.training.coupled import Coupled, coupled_gradients
from fitwright.training.directory import read_history
from fitwright.training.distributed.team import Team
from fitwright.training.distributed.world import World
from fitwright.training.from_scratch import source_folder
from fitwright.training.job import set_dropout
from fitwright.training.settings import TrainSettings
from fitwright.training.step import cut, objective_of
from fitwright.training.tasks.interface import Task, TaskData
from fitwright.training.tasks.registry import task_of
from tests.training.tasks.cases import CASES, Case
from tests.training.tasks.more_cases import MORE_CASES
from tests.training.test_classification import StopAfter

SETTINGS = TrainSettings(
    epochs=2, batch_size=8, learning_rate=5e-3, precision="fp32", max_length=32,
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
        return SETTINGS.but(packing="on" if self.case.packs else "off", **self.case.settings)

    def train(self, name: str, progress: Progress | None = None, checkpoint_s: float = 30.0) -> Path:
        case, settings = self.case, self.settings.but(checkpoint_s=checkpoint_s)
        return train(
            self.data, model=self.model, output=self.folder / name, task=case.task,
            columns=case.columns, options=case.options, settings=settings, progress=progress,
        )  # fmt: skip

    def read(self) -> tuple[Task, TaskData, Rows]:
        """The task, its data, and the training rows as numbers."""
        task = task_of(self.case.task, self.case.options)
        data = task.read(self.data, self.case.columns, self.settings)
        source = source_folder(self.model, task, data, self.settings)
        return task, data, task.encode(data.train, source, self.folder, self.settings.max_length)

    def start(self, task: Task, data: TaskData) -> torch.nn.Module:
        """The model in training mode, without dropout; the same weights every time."""
        torch.manual_seed(0)
        model = task.load_model(source_folder(self.model, task, data, self.settings), data)
        set_dropout(model, 0.0)
        return model.train()


MARKED = [
    pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else [])
    for case in (*CASES, *MORE_CASES)
]


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
        scene.train("broken", StopAfter(steps + steps // 2), checkpoint_s=0.0)
    assert not (scene.folder / "broken").exists()
    assert compare_weights(scene.train("broken"), scene.whole).different == ()


def test_its_record_suffices_to_make_it_again(scene: Scene) -> None:
    assert reproduce(scene.whole, data=scene.data, source=scene.model).identical


def _gradients(task: Task, model: torch.nn.Module, rows: Rows, parts: int) -> list[torch.Tensor]:
    """Loss and gradients of one step on the first 11 rows, computed in that many parts."""
    step = list(range(11))
    objective = objective_of(task)
    if isinstance(objective, Coupled):
        batches = [partial(rows.batch, part, CPU) for part in cut(step, parts)]
        loss = coupled_gradients(
            objective,
            model,
            batches,
            nullcontext,
            None,
            lambda _: None,
            torch.Tensor.backward,
            Team(world=World()),
        )
        return [torch.tensor(loss), *(p.grad for p in model.parameters() if p.grad is not None)]
    total = torch.zeros(())
    for part in cut(step, parts):
        loss = task.loss(model, rows.batch(part, CPU, step=rows.counts(step)))
        loss.backward()
        total += loss.detach()
    return [total, *(p.grad for p in model.parameters() if p.grad is not None)]


def test_a_step_has_one_gradient_however_it_is_cut_and_packed(scene: Scene) -> None:
    task, data, rows = scene.read()
    expected = _gradients(task, scene.start(task, data), rows, 1)
    variants = [_gradients(task, scene.start(task, data), rows, 3)]
    if scene.case.packs:
        packed = scene.start(task, data)
        PackedModel(packed, multiple=64)
        variants.append(_gradients(task, packed, rows, 1))
    assert max(float(gradient.abs().max()) for gradient in expected[1:]) > 1e-3
    for found in variants:
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
