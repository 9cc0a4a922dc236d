"""What a card costs: the cells of torch on it, the context and the workspaces, and launching kernels in
three ways."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent
from fitwright.core.provenance import package_versions
from fitwright.sizing.pricing.profile import PACKAGES, Profile, device_key
from fitwright.sizing.profiling.cells import Arena, CellPlan
from fitwright.sizing.profiling.timing import Call, Clock, Subject, repeat_error, time_in_turns

if TYPE_CHECKING:
    from fitwright.sizing.profiling.measure import ProfileSettings

_PRECISIONS = ("fp32", "bf16", "fp16")
_CALLS = 20
_CHAIN = 64
_ARENA_BYTES = 512 * 2**20
_OTHER_PROCESS = (
    "import sys, torch; torch.cuda.set_device(int(sys.argv[1])); torch.ones(1, device='cuda');"
    " torch.cuda.synchronize(); print(torch.cuda.memory_reserved(), flush=True); sys.stdin.read()"
)


def measure_cuda(
    settings: ProfileSettings,
    *,
    made_at: str,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Profile:
    """Profile a card of this machine with torch. Nothing is written.

    Raises:
        UsageError: torch sees no such card.
    """
    from fitwright.sizing.profiling.measure import in_order, surfaces_of

    torch, progress, began = require("torch"), progress or Silent(), clock()
    index = _index(torch, settings.device)
    progress.say("preparing: the card's context")
    with torch.cuda.device(index), torch.no_grad():
        constants = context_bytes(torch, index)
        constants |= launch_costs(torch)
        plans = list(_plans(torch))
        subjects, needed = in_order(
            (plan.surface, Subject(name=plan.name, prepare=_on_card(torch, plan), divide=_CALLS))
            for plan in plans
        )
        timings = time_in_turns(
            subjects, seconds=60 * settings.minutes, title="profiling", seed=settings.seed, progress=progress,
            clock=_CardClock(torch), needed=needed,
        )  # fmt: skip
    name = torch.cuda.get_device_name(index)
    profile = Profile(
        key=device_key(name=name, cores=1, threads=1),
        device={"name": name, "kind": "gpu", "cores": 1, "threads": 1},
        versions=package_versions(PACKAGES), surfaces=surfaces_of(plans, timings), constants=constants,
        repeat_error=repeat_error(list(timings.values())), made_at=made_at, seconds=0.0,
        notes=("operators of the backward pass were not measured on this card",),
    )  # fmt: skip
    return replace(profile, seconds=clock() - began)


class _CardClock:
    """Seconds of the host's clock once the card has finished: a timed call then holds all of its work."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def __call__(self) -> float:
        self._torch.cuda.synchronize()
        return time.perf_counter()


def context_bytes(torch: Any, index: int) -> dict[str, float]:
    """Bytes that a process's context takes from the card, and the workspace of its first matrix product.

    The context is a second process's, counted by what is free before and while it lives; others that start or
    end on the card meanwhile disturb it.
    """
    torch.ones(1, device="cuda")
    torch.cuda.synchronize()
    before, _ = torch.cuda.mem_get_info(index)
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER_PROCESS, str(index)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        line = other.stdout.readline() if other.stdout is not None else ""
        during, _ = torch.cuda.mem_get_info(index)
        other.communicate()
    found: dict[str, float] = {}
    if line.strip().isdigit():
        found["context_bytes"] = float(max(0, before - during - int(line)))
    held = torch.cuda.memory_allocated(index)
    square = torch.ones(256, 256, device="cuda", dtype=torch.float16)
    product = square @ square
    torch.cuda.synchronize()
    found["workspace_bytes"] = float(max(0, torch.cuda.memory_allocated(index) - held - 2 * product.nbytes))
    return found


def launch_costs(torch: Any) -> dict[str, float]:
    """Seconds to issue one small kernel: by eager torch, inside a replayed CUDA graph, and in compiled
    code."""
    x = torch.ones(64, device="cuda")

    def chain() -> Any:
        y = x
        for _ in range(_CHAIN):
            y = torch.sin(y)
        return y

    found = {"torch/launch_s": _seconds(torch, chain) / _CHAIN}
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chain()
    found["torch/graph_launch_s"] = _seconds(torch, graph.replay) / _CHAIN
    try:
        rows = torch.ones(64, 64, device="cuda")
        compiled = torch.compile(lambda given: torch.softmax(torch.relu(given) @ given, -1))
        found["torch/compiled_launch_s"] = _seconds(torch, lambda: compiled(rows)) / 3
    except Exception:  # no compiler on this machine: the figure stays absent
        found.pop("torch/compiled_launch_s", None)
    return found


def _seconds(torch: Any, call: Call) -> float:
    """Median over 20 runs between two events of the card."""
    for _ in range(3):
        call()
    samples = []
    for _ in range(_CALLS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        samples.append(start.elapsed_time(end) / 1e3)
    return float(statistics.median(samples))


def _plans(torch: Any) -> Iterator[CellPlan]:
    from fitwright.sizing.profiling import torch_inference

    for precision in _PRECISIONS:
        if precision == "bf16" and not torch.cuda.is_bf16_supported():
            continue
        yield from torch_inference.cells(precision, Arena(precision, _ARENA_BYTES, device="cuda"), warm=False)


def _on_card(torch: Any, plan: CellPlan) -> Callable[[], tuple[Call, Call]]:
    """Many calls in a row, so that the card is never idle between them; replayed as one graph where that
    works."""

    def prepare() -> tuple[Call, Call]:
        _, call = plan.prepare()

        def many() -> None:
            for _ in range(_CALLS):
                call()

        many()
        torch.cuda.synchronize()
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                many()
        except RuntimeError:  # an operator that asks the host cannot be recorded
            torch.cuda.synchronize()
            return (lambda: None), many
        return (lambda: None), graph.replay

    return prepare


def _index(torch: Any, device: str) -> int:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    _, _, text = device.partition(":")
    if (text and not text.isdigit()) or not device.startswith("cuda"):
        raise UsageError("no such device", got=device, allowed="cuda, cuda:0, cuda:1, …")
    index = int(text or 0)
    if index >= count:
        raise UsageError(
            "torch sees no such card", got=device,
            allowed=", ".join(f"cuda:{n}" for n in range(count)) or "none: this torch sees no card at all",
            mend="Run: fitwright doctor",
        )  # fmt: skip
    return index
