"""Which backend a run takes: the fastest of those that work, the one asked for, and the same one again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.modeling.local_attention import NAME, LocalAttention, use_local_attention
from fitwright.modeling.packing.backends.interface import Machine
from fitwright.modeling.packing.backends.registry import BACKENDS
from fitwright.training.attention_choice import choose_attention
from fitwright.training.checkpoint import COUNTERS_NAME
from fitwright.training.directory import read_history
from fitwright.training.job import Job, set_dropout, train_model
from fitwright.training.reproduction import recorded_settings
from fitwright.training.settings import TrainSettings
from tests.modeling.packing.families import tiny
from tests.modeling.packing.kernels import lend_kernel
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
CPU = Machine(device=torch.device("cpu"), precision="fp32")
SETTINGS = TrainSettings(
    epochs=1, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0, dropout=0.0, packing="on"
)


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with varlen attention besides, as a card would have it."""
    lend_kernel("varlen", monkeypatch)
    monkeypatch.setattr(type(BACKENDS["varlen"]), "refusal", lambda *_: None)
    monkeypatch.setattr(type(BACKENDS["varlen"]), "half_only", False)
    monkeypatch.setattr(type(BACKENDS["varlen"]), "repeats", True)


def _probe(model: torch.nn.Module, seconds: dict[str, float], told: Told) -> str:
    """A choice on a clock that each backend's step moves on by its seconds."""
    now = [0.0]

    def rehearse() -> None:
        now[0] += seconds[model.used]

    @contextmanager
    def packed(_: Any, name: str = "grouped", __: Any = None) -> Any:
        model.used = name
        yield []

    patch = pytest.MonkeyPatch()
    with patch.context() as p:
        p.setattr("fitwright.training.attention_choice.packed_models", packed)
        return choose_attention("auto", [model], CPU, rehearse, told, clock=lambda: now[0])


@pytest.mark.usefixtures("lent")
def test_the_faster_one_is_taken_and_both_are_told() -> None:
    told = Told()
    assert _probe(tiny("llama"), {"varlen": 2e-3, "grouped": 3e-3}, told) == "varlen"
    assert _probe(tiny("llama"), {"varlen": 4e-3, "grouped": 3e-3}, told) == "grouped"
    assert told.lines[0] == "attention backend varlen (a step: varlen 2.0 ms, grouped 3.0 ms)"


@pytest.mark.usefixtures("lent")
def test_what_the_model_needs_decides_before_the_clock() -> None:
    model = tiny("bert")  # with dropout of attention weights, which varlen has not
    assert choose_attention("auto", [model], CPU, None, Silent()) == "grouped"
    set_dropout(model, 0.0)
    assert choose_attention("auto", [model], CPU, None, Silent()) == "varlen"


@pytest.mark.usefixtures("lent")
def test_what_may_not_repeat_its_gradients_is_taken_only_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(BACKENDS["varlen"]), "repeats", False)
    model = tiny("llama")
    assert choose_attention("auto", [model], CPU, None, Silent()) == "grouped"
    assert choose_attention("varlen", [model], CPU, None, Silent()) == "varlen"


@pytest.mark.usefixtures("lent")
def test_a_window_is_refused_before_a_row_is_long_enough_for_it() -> None:
    model = tiny("bert")
    set_dropout(model, 0.0)
    use_local_attention(model, LocalAttention(window=2, above=64))
    assert choose_attention("auto", [model], CPU, None, Silent()) == "grouped"
    with pytest.raises(UsageError, match=r"--attention-backend varlen.*window.*allowed"):
        choose_attention("varlen", [model], CPU, None, Silent())
    assert model.config._attn_implementation == NAME


def test_a_backend_that_is_asked_for_works_or_says_why() -> None:
    assert choose_attention("grouped", [tiny("bert")], CPU, None, Silent()) == "grouped"
    with pytest.raises(UsageError, match=r"--attention-backend flex.*no backward pass.*grouped"):
        choose_attention("flex", [tiny("bert")], CPU, None, Silent())
    with pytest.raises(UsageError, match="rows without padding"):
        TrainSettings(packing="off", attention_backend="grouped")


@pytest.mark.usefixtures("lent")
def test_the_probe_leaves_no_trace_and_a_resumed_run_asks_no_second_time(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(job, SETTINGS, StopAfter(3))
    chosen = json.loads(next(job.work.rglob(COUNTERS_NAME)).read_text())["attention_backend"]
    with monkeypatch.context() as patch:
        patch.setattr("fitwright.training.loop.choose_attention", lambda *_: pytest.fail("asked again"))
        resumed = train_model(job, SETTINGS, Silent())
    assert read_history(resumed).attention_backend == chosen
    assert recorded_settings(resumed).attention_backend == chosen
    named = train_model(make_job("named"), SETTINGS.but(attention_backend=chosen), Silent())
    expected, found = (load_file(folder / "model.safetensors") for folder in (named, resumed))
    assert all((expected[name] == found[name]).all() for name in expected)
