"""From timings to a profile, and the constants that whole models tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing.pricing.price import price_step
from fitwright.sizing.profiling import reference
from fitwright.sizing.profiling.cells import CellPlan
from fitwright.sizing.profiling.measure import (
    ProfileSettings,
    in_order,
    measure_device,
    surfaces_of,
    with_constants,
)
from fitwright.sizing.profiling.timing import Subject, Timing, quiet_interpreter
from fitwright.sizing.trace.program import Op
from tests.sizing.pricing.machines import curve, moved_s, profile, surface

MODULE_S, STEP_S = 7e-6, 9e-5
LINEAR = Op("matmul", "addmm", (1, 128, 768, 768), "fp32", 0, 0, 10)


def timing(seconds: float) -> Timing:
    quartiles = (seconds, seconds, seconds)
    return Timing(seconds=seconds, spread=0, quartiles=quartiles, halves=(seconds, seconds), samples=5)


def idle() -> tuple[object, object]:
    return (lambda: None), (lambda: None)


def model(
    size: str, family: str, modules: int, ops: list[Op], engine: str = "torch"
) -> reference.ReferenceModel:
    return reference.ReferenceModel(
        engine=engine, size=size, family=family, mode="infer", precision="fp32", ops=ops, modules=modules,
        prepare=idle,  # type: ignore[arg-type]
    )  # fmt: skip


def test_python_and_context_are_found_again() -> None:
    machine = profile()
    alone_s = price_step([LINEAR], 0, machine).seconds
    models = {
        "few": model("tiny", "bert", 30, [LINEAR]), "many": model("tiny", "bert", 90, [LINEAR]),
        "usual": model("usual", "bert", 50, [LINEAR]),
    }  # fmt: skip
    timings = {
        "few": timing(alone_s + 30 * MODULE_S + STEP_S), "many": timing(alone_s + 90 * MODULE_S + STEP_S),
        "usual": timing(1.2 * alone_s + 50 * MODULE_S + STEP_S),
    }  # fmt: skip
    found = with_constants(machine, models, timings)
    assert found.constants["torch/infer/module_s"] == pytest.approx(MODULE_S)
    assert found.constants["torch/infer/step_s"] == pytest.approx(STEP_S)
    assert found.constants["torch/infer/fp32/context/products"] == pytest.approx(1.2, rel=0.01)
    again = price_step([LINEAR], 50, found)
    assert again.seconds == pytest.approx(timings["usual"].seconds, rel=0.01)


def test_a_model_that_was_faster_than_its_operators_gives_no_negative_cost() -> None:
    models = {"few": model("tiny", "bert", 30, [LINEAR]), "many": model("tiny", "bert", 90, [LINEAR])}
    found = with_constants(profile(), models, {"few": timing(1e-9), "many": timing(2e-9)})
    assert found.constants["torch/infer/module_s"] == 0
    assert found.constants["torch/infer/step_s"] == 0


def test_page_faults_and_the_session_become_constants_and_leave_no_surface() -> None:
    blocks = (4e7, 8e7)  # as large as those that are measured, so that a call's own cost is lost in them
    machine = profile(
        {
            "torch/fp32/fresh": surface("bytes", {(size,): 3 * moved_s(size) for size in blocks}),
            "torch/fp32/again": surface("bytes", {(size,): moved_s(size) for size in blocks}),
            "onnxruntime/session": curve(),
        }
    )
    found = with_constants(machine, {}, {})
    assert found.constants["page_fault_s_per_byte"] == pytest.approx(2 / 2e10, rel=0.01)
    assert found.constants["onnxruntime/session_s"] > 0
    assert set(found.surfaces) == {"torch/fp32/linear", "torch/fp32/add"}


def test_cells_that_were_not_reached_are_left_out() -> None:
    plans = [
        CellPlan(surface="torch/fp32/add", kind="bytes", at=(size,), prepare=idle)  # type: ignore[arg-type]
        for size in (10.0, 1000.0)
    ]
    found = surfaces_of(plans, {plans[0].name: timing(1e-3)})
    assert [cell.at for cell in found["torch/fp32/add"].cells] == [(10.0,)]


def test_every_surface_begins_before_any_is_finished() -> None:
    subjects = [(group, Subject(name=f"{group}{n}", prepare=idle)) for group in "ab" for n in range(9)]  # type: ignore[arg-type]
    ordered, needed = in_order(subjects)
    assert [s.name for s in ordered[:4]] == ["a0", "b0", "a1", "b1"]
    assert needed == 6


def test_python_is_measured_before_everything_else() -> None:
    subjects = [("torch/fp32/add", Subject(name="cell", prepare=idle))]  # type: ignore[arg-type]
    subjects += [("tiny infer", Subject(name=f"m{n}", prepare=idle)) for n in range(4)]  # type: ignore[arg-type]
    ordered, needed = in_order(subjects)
    assert [s.name for s in ordered] == ["m0", "m1", "m2", "m3", "cell"] or ordered[-1].name == "m3"
    assert needed == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engines": ("abacus",)}, "unknown engine"), ({"engines": ()}, "unknown engine"),
        ({"threads": 0}, "threads"), ({"threads": 100_000}, "usable cores"), ({"minutes": 0.0}, "minutes"),
        ({"minutes": float("nan")}, "minutes"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replace(ProfileSettings(), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(UsageError):
        measure_device(ProfileSettings(device=device), made_at="now")


def test_a_reference_model_is_traced_and_runs() -> None:
    values = {**reference.TINY[0], "num_hidden_layers": 1}
    for mode in ("infer", "train"):
        steps = reference.steps_of(values, [(1, 4)], mode=mode, precision="bf16")
        with quiet_interpreter():
            steps[1, 4]()


def test_reference_models_of_both_depths_and_families_are_there() -> None:
    found = reference.subjects(ProfileSettings(training=False))
    tiny = [m for m in found.values() if m.size == "tiny"]
    assert sorted(m.family for m in tiny) == ["bert", "bert", "llama", "llama"]
    assert len({m.modules for m in tiny}) == 4
    assert {m.precision for m in found.values() if m.size == "usual"} == {"fp32", "bf16"}
    assert all(m.mode == "infer" and m.ops for m in found.values())
