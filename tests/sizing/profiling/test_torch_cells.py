"""Every cell of torch runs, and does what its surface is asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest
import torch

from fitwright.sizing.pricing.classes import place_of
from fitwright.sizing.pricing.features import KINDS
from fitwright.sizing.pricing.surface import Cell, Surface
from fitwright.sizing.profiling import page_faults, torch_inference, torch_training
from fitwright.sizing.profiling.cells import Arena, CellPlan
from fitwright.sizing.trace.program import Op

MIB = 2**20


def plans(precision: str) -> list[CellPlan]:
    arena = Arena(precision, 64 * MIB)
    return [
        *torch_inference.cells(precision, arena, warm=False),
        *torch_inference.warm_linear(precision, arena),
        *(torch_inference.streams(arena) if precision == "fp32" else ()),
        *torch_training.cells(precision, arena),
    ]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_smallest_cell_of_every_surface_runs(precision: str) -> None:
    smallest: dict[str, CellPlan] = {}
    for plan in plans(precision):
        assert len(plan.at) == len(KINDS[plan.kind].axes)
        other = smallest.get(plan.surface)
        if other is None or math.prod(plan.at) < math.prod(other.at):
            smallest[plan.surface] = plan
    for plan in smallest.values():
        refresh, call = plan.prepare()
        refresh()
        call()
    assert len(smallest) > 25


def test_names_are_unique_so_that_no_timing_overwrites_another() -> None:
    names = [plan.name for precision in ("fp32", "bf16") for plan in plans(precision)]
    assert len(names) == len(set(names))


def test_what_the_pricing_asks_for_is_what_is_measured() -> None:
    """Surfaces that common operators name first exist."""
    measured = {plan.surface.split("/")[2] for plan in plans("fp32")}
    for family, name, dims in (
        ("matmul", "addmm", (1, 8, 8, 8)), ("matmul", "mm_tn", (1, 8, 8, 8)), ("matmul", "bmm", (2, 8, 8, 4)),
        ("matmul", "bmm", (2, 8, 4, 8)), ("attention", "x", (1, 2, 2, 8, 8, 4, 0)),
        ("attention", "x", (1, 2, 2, 8, 8, 4, 1)), ("attention_backward", "x", (1, 2, 2, 8, 8, 4, 1)),
        ("norm", "x", (8, 8)), ("norm_backward", "x", (8, 8)), ("softmax", "x", (8, 8)),
        ("softmax_backward", "x", (8, 8)), ("embedding", "x", (8, 8, 9)),
        ("embedding_backward", "x", (8, 8, 9)), ("convolution", "x", (1, 8, 8, 1, 9, 4)),
        ("convolution", "x", (1, 8, 8, 8, 9, 4)), ("convolution_backward", "x", (1, 8, 8, 1, 9, 4)),
        ("pointwise", "gelu", ()), ("pointwise", "bernoulli_", ()), ("pointwise", "gelu_backward", ()),
        ("reduce", "sum", ()), ("reduce", "mean", ()), ("copy", "clone", ()), ("copy", "_to_copy", ()),
    ):  # fmt: skip
        assert place_of(Op(family, name, dims, "fp32", 8, 8, 1)).surfaces[0] in measured, (family, name)


def test_every_optimiser_that_the_workload_names_has_a_cell() -> None:
    measured = {p.surface.partition("optimiser_")[2] for p in plans("fp32") if "optimiser_" in p.surface}
    assert measured == {
        "adamw-plain", "adamw-foreach", "adamw-fused", "adafactor", "sgd", "sgd-momentum",
    }  # fmt: skip


def test_an_optimiser_cell_really_steps() -> None:
    arena = Arena("fp32", MIB)
    plan = next(p for p in torch_training.optimisers("fp32", arena) if p.at == (4 * 768,))
    _, step = plan.prepare()
    step()
    assert plan.prepare()[1] == step, "its state is kept between turns"


def test_memory_mapped_anew_costs_more_than_memory_that_is_there() -> None:
    page_faults.prime_heap()
    timings = {}
    for plan in page_faults.fault_cells():
        _, call = plan.prepare()
        call()
        samples = []
        for _ in range(5):
            before = time.thread_time()
            call()
            samples.append(time.thread_time() - before)
        timings[plan.surface, plan.at] = min(samples)
    cells: dict[str, list[Cell]] = {}
    for (surface, at), seconds in timings.items():
        cells.setdefault(surface, []).append(Cell(at, seconds, 0.0))
    fresh, again = (Surface("bytes", tuple(cells[f"torch/fp32/{name}"])) for name in ("fresh", "again"))
    per_byte_s = page_faults.fault_s_per_byte(fresh, again)
    assert 1e-12 < per_byte_s < 1e-7
