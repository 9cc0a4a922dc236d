"""The search's decisions, with building and measuring faked at one seam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fitwright.catalog.local import read_model_directory
from fitwright.compression import search as module
from fitwright.compression.prediction import Lengths
from fitwright.compression.search import Found, SearchSettings, Source, search
from fitwright.core.progress import Silent
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.training.job import Job

SOURCE_SIZE = 90_000_000.0
DEVICE = Device(
    name="a machine", kind="cpu", cores=2, memory_bytes=16 * 10**9, bandwidth_bytes_per_s=2e10,
    peak_flops={"fp32": 3e11, "int8": 1.2e12},
)  # fmt: skip


def record(name: str, size: float, latency: float, drop: float | None) -> Record:
    found = {
        "size": Quantity.exact(size, "B"),
        "accuracy": Quantity.measured(0.8, "1", low=0.8, high=0.8),
        "throughput": Quantity.measured(1 / latency, "1/s", low=1 / latency, high=1 / latency),
    }
    for key in ("latency-p50", "latency-p95"):
        found[key] = Quantity.measured(latency, "s", low=latency, high=latency)
    if drop is not None:
        found["drop"] = Quantity.measured(drop, "points", low=drop, high=drop)
    return Record(subject=name, quantities=found)


@dataclass
class Machine:
    """What building each shape would give: (bytes, seconds, drop in points) by layers at int8."""

    outcomes: dict[str, tuple[float, float, float]]
    taught: list[int] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)

    def distil(self, job: Job, settings: Any, progress: Any) -> Path:
        self.taught.append(settings.layers)
        job.output.mkdir(parents=True, exist_ok=True)
        return job.output

    def export(self, model: Path, engine: Path, **_: Any) -> None:
        self.exported.append(engine.parent.name)
        engine.mkdir(parents=True, exist_ok=True)

    def evaluate(self, directory: Path, *_: Any, **__: Any) -> Any:
        slug = directory.parent.name
        self.measured.append(slug)
        size, latency, drop = self.outcomes[slug]
        return SimpleNamespace(
            candidate=record(slug, size, latency, drop), source=record("source", SOURCE_SIZE, 10e-3, None)
        )


def outcomes(drops: dict[int, float] | None = None, step_s: float = 1e-3) -> dict[str, Any]:
    """Sizes as int8 gives them, latency in proportion to the layers, and those drops."""
    drops = drops or {}
    found = {
        f"layers-{n}-int8": (12_200_000 + 1_790_000 * n, step_s * n, drops.get(n, 0.1)) for n in range(1, 7)
    }
    return {"layers-6-fp32": (SOURCE_SIZE, 8e-3, 0.0), **found}


Run = Callable[..., tuple[Found, Machine]]


@pytest.fixture
def run(tmp_path: Path, encoder_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    job = Job(
        task=None, data=SimpleNamespace(validation=None), source=encoder_dir, source_name="teacher",  # type: ignore[arg-type]
        output=tmp_path / "unused", provenance={},
    )  # fmt: skip
    source = Source(
        job=job, spec=read_model_directory(encoder_dir), device=DEVICE,
        baseline=record("source", SOURCE_SIZE, 10e-3, None), lengths=Lengths(median=24, p95=48, mean=25),
    )  # fmt: skip

    def start(budget: str, given: dict[str, Any], teacher: Path = encoder_dir) -> tuple[Found, Machine]:
        machine = Machine(given)
        for name, fake in (
            ("distil", machine.distil), ("export_model", machine.export), ("evaluate", machine.evaluate),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, fake)
        settings = SearchSettings(budget=Budget.parse(budget))
        taught_by = replace(source, job=replace(job, source=teacher))
        return search(taught_by, settings, tmp_path / "work", Silent()), machine

    return start


def test_it_stops_at_the_first_that_meets(run: Run) -> None:
    found, machine = run("latency-p95=0.45x,max-drop=1", outcomes())
    assert found.chosen is not None
    assert found.chosen.candidate.slug == "layers-4-int8"
    assert found.nearest is found.chosen
    assert found.binding is None
    assert machine.taught[-1] == 4
    assert [t.status for t in found.tried][-1] == "met"


def test_a_budget_that_all_layers_hold_trains_nothing(run: Run) -> None:
    found, machine = run("size=0.33x,max-drop=1", outcomes())
    assert found.chosen is not None
    assert found.chosen.candidate.slug == "layers-6-int8"
    assert machine.taught == []
    skipped = [t for t in found.tried if t.status == "skipped"]
    assert [t.candidate.slug for t in skipped] == ["layers-6-fp32"]
    assert "size ≤ 0.33x" in skipped[0].reason
    assert skipped[0].measured is None


def test_what_is_surely_missed_is_not_built(run: Run) -> None:
    """After all layers were measured at 6 ms, five and four cannot reach 2.1 ms."""
    found, machine = run("latency-p95=2.1ms,max-drop=1", outcomes())
    assert found.chosen is not None
    assert found.chosen.candidate.layers in (1, 2)
    skipped = {t.candidate.slug for t in found.tried if t.status == "skipped"}
    assert {"layers-5-int8", "layers-4-int8"} <= skipped
    assert not skipped & set(machine.exported)
    assert set(machine.taught).isdisjoint({5, 4})


def test_predictions_learn_from_what_was_measured(run: Run) -> None:
    slow, _ = run("latency-p95=2.1ms,max-drop=1", outcomes())
    five = next(t for t in slow.tried if t.candidate.slug == "layers-5-int8")
    predicted = five.predicted["latency-p95"]
    assert predicted.value == pytest.approx(5e-3, rel=0.25)
    assert "measuring" in predicted.note


def test_the_gate_stops_the_search_at_the_shape_that_breaks_it(run: Run) -> None:
    """Fewer layers would only drop further, so nothing below the first failing student is taught."""
    found, machine = run("latency-p95=3.5ms,max-drop=1", outcomes(drops=dict.fromkeys(range(1, 6), 2.0)))
    assert found.chosen is None
    assert len(machine.taught) == 1
    assert found.tried[-1].candidate.layers == machine.taught[0] > 1
    assert found.binding is not None


def test_quality_lost_to_int8_alone_does_not_stop_it(run: Run) -> None:
    """All layers at int8 may lose more than a student that was taught: fewer layers are still tried."""
    given = outcomes(drops={6: 3.0, 5: 0.5})
    found, machine = run("size=0.33x,max-drop=1", given)
    assert found.chosen is not None
    assert found.chosen.candidate.slug == "layers-5-int8"
    assert machine.taught == [5]


@pytest.mark.parametrize("budget", ["size=1kB", "size=0.001x", "latency-p95=1ns", "throughput=1e12/s"])
def test_an_impossible_budget_gives_the_nearest_point_and_what_binds(run: Run, budget: str) -> None:
    found, machine = run(f"{budget},max-drop=1", outcomes())
    assert found.chosen is None
    assert found.nearest.measured is not None
    assert found.nearest.directory is not None
    assert found.binding is not None
    assert found.binding.name == budget.partition("=")[0]
    assert machine.taught == []  # nothing is trained for a budget that no shape can reach
    assert len(found.tried) == 7
    assert [t.status for t in found.tried].count("skipped") == 6


def test_the_nearest_point_is_the_one_that_misses_by_least(run: Run) -> None:
    given = outcomes(drops={n: 4.0 - 0.5 * n for n in range(1, 7)})  # each smaller one loses more
    found, _ = run("latency-p95=4.5ms,max-drop=0.1", given)
    assert found.chosen is None
    measured = [t for t in found.tried if t.measured is not None]
    assert found.nearest.excess == min(t.excess for t in measured)


def test_a_second_search_builds_nothing_again(run: Run) -> None:
    first, machine = run("latency-p95=0.45x,max-drop=1", outcomes())
    second, again = run("latency-p95=0.45x,max-drop=1", outcomes())
    assert machine.exported
    assert again.exported == again.measured == []
    assert second == first


def test_measuring_leaves_the_threads_of_training_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    real, before = Machine.evaluate, torch.get_num_threads()

    def evaluate(self: Machine, *arguments: Any, **options: Any) -> Any:
        torch.set_num_threads(before + 1)
        return real(self, *arguments, **options)

    monkeypatch.setattr(Machine, "evaluate", evaluate)
    run("size=0.33x,max-drop=1", outcomes())
    assert torch.get_num_threads() == before


def test_an_engine_that_was_deleted_is_built_again(run: Run, tmp_path: Path) -> None:
    first, _ = run("size=0.33x,max-drop=1", outcomes())
    assert first.nearest.directory is not None
    first.nearest.directory.rmdir()
    second, machine = run("size=0.33x,max-drop=1", outcomes())
    assert machine.exported == ["layers-6-int8"]
    assert second.nearest.directory.is_dir()  # type: ignore[union-attr]


def test_an_engine_of_other_weights_is_built_and_measured_again(run: Run, tmp_path: Path) -> None:
    """A teacher that was trained again keeps its folder; what was made of the old one must not be served."""
    weights = tmp_path / "teacher" / "model.safetensors"
    weights.parent.mkdir()
    for content in ("old", "new"):
        weights.write_text(content)
        found, machine = run("size=0.33x,max-drop=1", outcomes(), teacher=weights.parent)
        assert machine.exported == machine.measured == ["layers-6-int8"]
        assert found.chosen is not None
    _, machine = run("size=0.33x,max-drop=1", outcomes(), teacher=weights.parent)
    assert machine.exported == machine.measured == []


def test_the_order_is_from_the_gentlest_to_the_smallest() -> None:
    from fitwright.compression.candidates import plan

    assert [c.slug for c in plan(4)] == [
        "layers-4-fp32", "layers-4-int8", "layers-3-int8", "layers-2-int8", "layers-1-int8",
    ]  # fmt: skip
    assert [c.distilled for c in plan(3)] == [False, False, True, True]
    assert [c.slug for c in plan(1)] == ["layers-1-fp32", "layers-1-int8"]
    assert plan(4)[1].name == "all 4 layers, int8"
    assert plan(4)[2].name == "3 of 4 layers, int8"
