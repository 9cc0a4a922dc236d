"""Everything that is measured of a CPU, in turns within the time given, as one profile."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.core.progress import Progress, Silent
from fitwright.core.provenance import package_versions, processor_name
from fitwright.sizing.pricing.groups import factor_key
from fitwright.sizing.pricing.price import ENGINES, Price, price_step
from fitwright.sizing.pricing.profile import PACKAGES, Profile, device_key, usable_threads
from fitwright.sizing.pricing.surface import Cell, Surface
from fitwright.sizing.profiling import reference
from fitwright.sizing.profiling.calibration import factors
from fitwright.sizing.profiling.cells import Arena, CellPlan
from fitwright.sizing.profiling.page_faults import fault_cells, fault_s_per_byte, prime_heap
from fitwright.sizing.profiling.timing import Clock, Subject, Timing, repeat_error, time_in_turns

PRECISIONS: Mapping[str, tuple[str, ...]] = {"torch": ("fp32", "bf16"), "onnxruntime": ("fp32", "int8")}
NOISY = 0.05
"""Repeat error above which the profile says that the machine was not quiet."""
_EARLIER = {
    "linear": 6.0, "attention": 2.0, "mm_tn": 2.0, "bmm_scores": 2.0, "bmm_context": 2.0, "usual infer": 4.0,
    "usual train": 2.0,
}  # fmt: skip
"""Surfaces that get more of their cells before the others, where time is short."""
_LATER = {"usual infer": 1.5, "usual train": 2.5, "tiny infer": -3.0, "tiny train": -3.0}
"""Reference models: the tiny ones before all cells, for without them Python costs nothing."""
_NEEDED = 3.0
"""Subjects ranked below this are measured whatever it costs."""
_FEWEST_MINUTES = 0.02
SETTLE_S = 0.04
"""Of a reference model in each visit."""


@dataclass(frozen=True, kw_only=True)
class ProfileSettings:
    """How a machine is profiled.

    Attributes:
        device: ``cpu`` or ``cuda:N``.
        engines: some of ``torch``, ``onnxruntime``.
        threads: that every run uses; ``None``: all cores that this process may use.
        minutes: for measuring; starting up the libraries comes on top.
        training: measure what only training needs, too.
        seed: of the orders.
    """

    device: str = "cpu"
    engines: tuple[str, ...] = ENGINES
    threads: int | None = None
    minutes: float = 2.0
    training: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.engines if name not in ENGINES]
        if unknown or not self.engines:
            raise UsageError("unknown engine to profile", got=unknown, allowed=", ".join(ENGINES))
        if self.threads is not None and not 1 <= self.threads <= usable_threads():
            raise UsageError(
                "threads are out of range",
                got=self.threads,
                allowed=f"1 to {usable_threads()}, the usable cores",
            )
        if not self.minutes >= _FEWEST_MINUTES:
            raise UsageError("minutes are too few", got=self.minutes, allowed=f"{_FEWEST_MINUTES} or more")


def measure_device(settings: ProfileSettings, *, made_at: str, progress: Progress | None = None) -> Profile:
    """Profile the device that the settings name: :func:`measure_cpu`, or its counterpart for a card.

    Raises:
        UsageError: no such device here.
    """
    if settings.device == "cpu":
        return measure_cpu(settings, made_at=made_at, progress=progress)
    if settings.device.startswith("cuda"):
        from fitwright.sizing.profiling.cuda import measure_cuda

        return measure_cuda(settings, made_at=made_at, progress=progress)
    raise UsageError(
        "this device cannot be profiled", got=settings.device, allowed="cpu, cuda:N of this machine"
    )


def measure_cpu(
    settings: ProfileSettings,
    *,
    made_at: str,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Profile:
    """Profile this machine's CPU. Nothing is written.

    Args:
        made_at: ISO-8601 time, from the caller's clock.
        progress: where to report to.
        clock: seconds, monotonic.

    Raises:
        MissingExtraError: an engine that was asked for is not installed.
    """
    progress = progress or Silent()
    threads = settings.threads or usable_threads()
    for engine in settings.engines:
        require(engine)
    began = clock()
    with at_threads(threads, torch="torch" in settings.engines):
        progress.say("preparing: libraries, and small models to compare with")
        models = _models(settings, threads)
        plans = list(_plans(settings, threads))
        subjects, needed = in_order([*_of_models(models), *_of_plans(plans)])
        timings = time_in_turns(
            subjects, seconds=60 * settings.minutes, title="profiling", seed=settings.seed, progress=progress,
            clock=clock, needed=needed,
        )  # fmt: skip
    profile = Profile(
        key=device_key(threads=threads),
        device={"name": processor_name(), "kind": "cpu", "cores": usable_threads(), "threads": threads},
        versions=package_versions(PACKAGES), surfaces=surfaces_of(plans, timings), constants={},
        repeat_error=repeat_error(list(timings.values())), made_at=made_at, seconds=0.0,
    )  # fmt: skip
    return replace(
        with_constants(profile, models, timings),
        seconds=clock() - began,
        notes=_notes(profile, plans, timings),
    )


def in_order(subjects: Iterable[tuple[str, Subject]]) -> tuple[list[Subject], int]:
    """The subjects of all groups merged: the first of each group, then the second, and so on.

    Args:
        subjects: with the group that each belongs to, in order of information.

    Returns:
        They, and how many of them a profile cannot do without.
    """
    ranks: dict[str, int] = defaultdict(int)
    found: list[tuple[float, int, Subject]] = []
    for number, (group, subject) in enumerate(subjects):
        kind = group.rpartition("/")[2]
        rank = ranks[group] / _EARLIER.get(kind, 1.0) + _LATER.get(kind, 0.0)
        found.append((rank, number, subject))
        ranks[group] += 1
    found.sort(key=lambda entry: entry[:2])
    return [subject for _, _, subject in found], sum(rank < _NEEDED for rank, _, _ in found)


def surfaces_of(plans: Sequence[CellPlan], timings: Mapping[str, Timing]) -> dict[str, Surface]:
    """The measured cells by surface."""
    cells: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for plan in plans:
        timing = timings.get(plan.name)
        if timing is not None:
            cells[plan.surface, plan.kind].append(Cell(plan.at, timing.seconds, timing.spread))
    return {name: Surface(kind, tuple(found)) for (name, kind), found in cells.items()}


def with_constants(
    profile: Profile, models: Mapping[str, reference.ReferenceModel], timings: Mapping[str, Timing]
) -> Profile:
    """What the cells and the reference models tell beside the surfaces: Python, page faults, how operators
    fare in a model."""
    surfaces = dict(profile.surfaces)
    constants: dict[str, float] = {}
    fresh, again = (surfaces.pop(name, None) for name in ("torch/fp32/fresh", "torch/fp32/again"))
    if fresh is not None and again is not None:
        constants["page_fault_s_per_byte"] = fault_s_per_byte(fresh, again)
    session = surfaces.pop("onnxruntime/session", None)
    if session is not None:
        constants["onnxruntime/session_s"] = session.cells[0].seconds
    profile = replace(profile, surfaces=surfaces, constants=constants, prices={})
    # A model's median: what an estimate foretells. An operator alone counts undisturbed; the factors take it
    # from there.
    found = [(model, timings[name].quartiles[1]) for name, model in models.items() if name in timings]
    for mode in ("infer", "train"):
        tiny = [(m, s) for m, s in found if (m.mode, m.size) == (mode, "tiny")]
        if tiny and profile.precisions("torch"):
            module_s, step_s = reference.python_cost(tiny, lambda m: _price(profile, m).seconds)
            constants |= {f"torch/{mode}/module_s": module_s, f"torch/{mode}/step_s": step_s}
    beside = replace(profile, constants=constants, prices={})
    for engine in profile.engines:
        for mode, precision in itertools.product(("infer", "train"), profile.precisions(engine)):
            wanted = (engine, mode, "usual", precision)
            same = [(m, s) for m, s in found if (m.engine, m.mode, m.size, m.precision) == wanted]
            if same:
                fitted = factors([_price(beside, m).by_group for m, _ in same], [s for _, s in same])
                constants |= {factor_key(engine, mode, precision, g): f for g, f in fitted.items()}
    return replace(profile, constants=constants, prices={})


def _price(profile: Profile, model: reference.ReferenceModel) -> Price:
    return price_step(
        model.ops, model.modules, profile, model.engine, model.precision, mode=model.mode,
        faulted_bytes=model.faulted_bytes,
    )  # fmt: skip


def _plans(settings: ProfileSettings, threads: int) -> Iterator[CellPlan]:
    if "torch" in settings.engines:
        from fitwright.sizing.profiling import torch_inference, torch_training

        for precision in PRECISIONS["torch"]:
            arena = Arena(precision)
            yield from torch_inference.cells(precision, arena)
            if precision == "fp32":
                yield from torch_inference.streams(arena)
                yield from fault_cells()
            if settings.training:
                yield from torch_training.cells(precision, arena)
    if "onnxruntime" in settings.engines:
        from fitwright.sizing.profiling import onnx_runtime

        for precision in PRECISIONS["onnxruntime"]:
            yield from onnx_runtime.cells(precision, threads)
        yield onnx_runtime.session_cell(threads)


def _models(settings: ProfileSettings, threads: int) -> dict[str, reference.ReferenceModel]:
    found = reference.subjects(settings) if "torch" in settings.engines else {}
    if "onnxruntime" in settings.engines:
        from fitwright.sizing.profiling import onnx_encoder

        found |= onnx_encoder.reference_models(threads)
    return found


def _of_plans(plans: Sequence[CellPlan]) -> Iterator[tuple[str, Subject]]:
    for plan in plans:
        yield plan.surface, Subject(name=plan.name, prepare=plan.prepare, divide=plan.divide)


def _of_models(models: Mapping[str, reference.ReferenceModel]) -> Iterator[tuple[str, Subject]]:
    for name, model in models.items():
        group = f"{model.engine}/{model.precision}/{model.size} {model.mode}"
        yield group, Subject(name=name, prepare=model.prepare, settle_s=SETTLE_S)


@contextlib.contextmanager
def at_threads(threads: int, *, torch: bool) -> Iterator[None]:
    """Torch, where it is asked for, with that many threads and its heap primed; the threads are put back
    after."""
    if not torch:
        yield
        return
    library = require("torch")
    before: int = library.get_num_threads()
    library.set_num_threads(threads)
    prime_heap()
    try:
        with library.no_grad():
            yield
    finally:
        library.set_num_threads(before)


def _notes(profile: Profile, plans: Sequence[CellPlan], timings: Mapping[str, Timing]) -> tuple[str, ...]:
    notes = []
    measured = sum(plan.name in timings for plan in plans)
    if measured < len(plans):
        notes.append(f"{measured} of {len(plans)} cells measured: more --minutes make it finer")
    if profile.repeat_error > NOISY:
        notes.append(
            f"cells repeat within {profile.repeat_error:.0%} only: other work disturbed;"
            " measure again when it is quiet"
        )
    return tuple(notes)
