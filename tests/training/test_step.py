"""A step has the same gradient in however many parts, and memory that runs out costs parts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import fitwright.training.tasks.text_classification as classification
from fitwright.core.errors import RunError
from fitwright.core.progress import Silent
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings
from fitwright.training.step import cut
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(
    epochs=1, learning_rate=5e-3, precision="fp32", max_length=48, dropout=0.0, checkpoint_s=0.0
)
ERRORS = [
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate 9437184 bytes. Error code 12 (Cannot allocate memory)"
    ),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    MemoryError(),
]


class Lines(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@contextmanager
def memory_for(rows: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The allocator gives up whenever more rows are computed at a time in training."""
    load = classification.load_classifier

    def loaded(*given: Any) -> Any:
        model = load(*given)

        def allocate(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if module.training and kwargs["input_ids"].shape[0] > rows:
                raise error

        model.register_forward_pre_hook(allocate, with_kwargs=True)
        return model

    with monkeypatch.context() as patch:
        patch.setattr(classification, "load_classifier", loaded)
        yield


def weights(job: Job, settings: TrainSettings, progress: Silent | None = None) -> dict[str, torch.Tensor]:
    return load_file(train_model(job, settings, progress or Silent()) / "model.safetensors")


def same_bits(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def test_parts_add_up_to_the_whole_step(make_job: MakeJob) -> None:
    whole = weights(make_job("whole"), SETTINGS)
    parts = weights(make_job("parts"), SETTINGS.but(micro_batches=3))
    start = load_file(make_job().source / "model.safetensors")
    name = "bert.encoder.layer.0.output.dense.weight"
    moved = (whole[name] - start[name]).abs().max()
    assert (whole[name] - parts[name]).abs().max() < 0.02 * moved
    assert (whole["classifier.weight"] - parts["classifier.weight"]).abs().max() < 1e-3


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_out_of_memory_halves_the_micro_batch_and_goes_on(
    make_job: MakeJob, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, settings = Lines(), SETTINGS.but(dropout=0.1)
    with memory_for(8, error, monkeypatch):
        found = weights(make_job("little"), settings, progress)
    assert read_history(make_job("little").output).micro_batches == 4
    assert [line for line in progress.said if "in 4 parts" in line]
    expected = weights(make_job("parts"), settings.but(micro_batches=4))
    assert same_bits(found, expected)  # the same rows, order and dropout as if it had been known


def test_it_resumes_in_the_parts_that_fitted(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_for(8, ERRORS[0], monkeypatch):
        whole = weights(make_job("whole"), SETTINGS)
        with pytest.raises(KeyboardInterrupt):
            train_model(make_job("broken"), SETTINGS, StopAfter(4))
        progress = Lines()
        assert same_bits(weights(make_job("broken"), SETTINGS, progress), whole)
    assert not [line for line in progress.said if "out of memory" in line]


def test_a_row_that_fits_nowhere_is_said(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_for(0, ERRORS[0], monkeypatch), pytest.raises(RunError, match=r"single row.*--max-length"):
        train_model(make_job(), SETTINGS, Silent())


def test_other_errors_are_not_taken_for_memory(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with memory_for(8, error, monkeypatch), pytest.raises(RuntimeError, match="shapes"):
        train_model(make_job(), SETTINGS, Silent())


@pytest.mark.parametrize(
    ("rows", "parts", "sizes"), [(8, 3, [3, 3, 2]), (2, 4, [1, 1]), (5, 1, [5]), (4, 4, [1] * 4)]
)
def test_cutting(rows: int, parts: int, sizes: list[int]) -> None:
    found = cut(range(rows), parts)
    assert [len(part) for part in found] == sizes
    assert [row for part in found for row in part] == list(range(rows))
