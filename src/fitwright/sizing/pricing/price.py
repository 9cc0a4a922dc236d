"""The price of a step: the sum over its operators, and what Python and the kernel add."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.sizing.pricing.groups import FAULTS, PYTHON, SESSION, factor_key, group_of
from fitwright.sizing.pricing.operators import cold_share, name_weight_gradients, price_op
from fitwright.sizing.pricing.profile import Profile
from fitwright.sizing.trace.program import Op

ENGINES = ("torch", "onnxruntime")
DEFAULT_OPTIMISER = "adamw-plain"
"""What torch's AdamW does on a CPU unless told otherwise."""
_FREE_FAMILIES = ("view", "free")
_OUTSIDE_WIDENS = 0.5
_MODEL_ERROR = 0.42
"""Of the logarithm: a factor of two at 90 %, until the ledger of this machine knows better."""
_SIGMAS = 1.65
_MAPPED_ANEW_BYTES = 32 * 2**20
"""glibc maps larger blocks anew each time (malloc.c: DEFAULT_MMAP_THRESHOLD_MAX on 64-bit systems)."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """Seconds of one step.

    Attributes:
        seconds: expected.
        low, high: about 90 %, before the ledger of this machine knows better.
        by_family: seconds of each family of operators, and of ``python``, ``page faults`` or ``session``;
        they add up to ``seconds``.
        by_group: the same by the groups of :mod:`fitwright.sizing.pricing.groups`.
        outside_share: part of the operators' time that was priced outside of what was measured.
    """

    seconds: float
    low: float
    high: float
    by_family: Mapping[str, float]
    by_group: Mapping[str, float]
    outside_share: float


def price_step(
    ops: Iterable[Op],
    modules: int,
    profile: Profile,
    engine: str = "torch",
    precision: str = "fp32",
    *,
    mode: str = "infer",
    faulted_bytes: int | None = None,
) -> Price:
    """Seconds of one step of a model on a profiled machine; for training without the optimiser's part.

    CPU: ``Σ context(group of op) · price(op) · count + context · (modules · module cost + step cost) +
    context · faulted bytes · page-fault cost``. Operators are priced as if they ran one after the other,
    which eager torch and ONNX Runtime do; ``context`` is how much more a group of work took in the profile's
    reference models than alone. GPU: the longer of that sum and of issuing every kernel, for both go on at
    the same time.

    Args:
        ops: of the traced torch step; for ``onnxruntime`` an inference trace, which is translated to
            its graph.
        modules: calls of ``nn.Module`` in the step; their cost counts for torch alone.
        profile: of the machine.
        engine: ``torch`` (eager) or ``onnxruntime``.
        precision: of the products: fp32 or bf16 for torch, fp32 or int8 for ONNX Runtime.
        mode: ``infer`` or ``train``.
        faulted_bytes: memory that the kernel must map anew in every step, as
            :func:`fitwright.sizing.pricing.page_faults.faulted_bytes` finds it; ``None``: every output above
            32 MiB.

    Raises:
        UsageError: the profile lacks this engine or precision.
    """
    check_profiled(profile, engine, precision)
    ops = [op for op in ops if op.family not in _FREE_FAMILIES]
    if mode == "train":
        ops = name_weight_gradients(ops)
    coldness = cold_share(ops, profile, engine, precision)
    parts: list[tuple[str, str, float]] = []
    alone_s = outside_s = 0.0
    for op in ops:
        seconds, beyond = price_op(op, profile, engine, precision, coldness=coldness)
        parts.append((op.family, group_of(op), seconds * op.count))
        alone_s += seconds * op.count
        outside_s += beyond * op.count
    beside = _beside_operators(ops, modules, profile, engine, mode, faulted_bytes, alone_s)
    parts += [(name, name, seconds) for name, seconds in beside.items()]
    constants = profile.constants
    weighed = [(f, g, s * constants.get(factor_key(engine, mode, precision, g), 1.0)) for f, g, s in parts]
    return _price(weighed, outside_s / max(alone_s, 1e-12), profile)


def _price(parts: Sequence[tuple[str, str, float]], outside_share: float, profile: Profile) -> Price:
    """The sum of (family, group, seconds), and how far it is to be trusted."""
    by_family: dict[str, float] = defaultdict(float)
    by_group: dict[str, float] = defaultdict(float)
    for family, group, seconds in parts:
        by_family[family] += seconds
        by_group[group] += seconds
    total = math.fsum(by_family.values())
    sigma = math.hypot(_MODEL_ERROR, profile.repeat_error) + _OUTSIDE_WIDENS * outside_share
    factor = math.exp(_SIGMAS * sigma)
    return Price(
        seconds=total, low=total / factor, high=total * factor, by_family=dict(by_family),
        by_group=dict(by_group), outside_share=outside_share,
    )  # fmt: skip


def price_optimiser(
    parameters: Sequence[tuple[tuple[int, ...], int]], profile: Profile, optimiser: str = DEFAULT_OPTIMISER
) -> float:
    """Seconds of one step of an optimiser over fp32 weights, gradients already there.

    Args:
        parameters: (shape, count) of the trained tensors.
        optimiser: as :data:`fitwright.spec.workload.OPTIMISERS` names it.

    Raises:
        UsageError: that optimiser was not profiled.
    """
    name = DEFAULT_OPTIMISER if optimiser == "adamw" else optimiser
    surface = profile.surface("torch", "fp32", f"optimiser_{name}")
    if surface is None:
        known = sorted(
            key.rpartition("_")[2] for key in profile.surfaces if key.startswith("torch/fp32/optimiser_")
        )
        raise UsageError(
            "the profile has no time of this optimiser", got=optimiser, allowed=", ".join(known) or "none",
            mend="Run: fitwright profile",
        )  # fmt: skip
    return math.fsum(surface.price((4.0 * math.prod(shape),)).seconds * count for shape, count in parameters)


def check_profiled(profile: Profile, engine: str, precision: str) -> None:
    """Whether ``profile`` can price that engine at that precision.

    Raises:
        UsageError: it cannot; the message says what it can.
    """
    if engine not in ENGINES:
        raise UsageError("unknown engine", got=engine, allowed=", ".join(ENGINES))
    if precision not in profile.precisions(engine):
        raise UsageError(
            f"the profile {profile.key} has no {engine} at {precision}", got=precision,
            allowed=", ".join(profile.precisions(engine)) or "nothing: this engine was not profiled",
            mend=f"Run: fitwright profile --engine {engine}",
        )  # fmt: skip


def _beside_operators(
    ops: Sequence[Op], modules: int, profile: Profile, engine: str, mode: str, faulted_bytes: int | None,
    operators_s: float,
) -> dict[str, float]:  # fmt: skip
    constants = profile.constants
    if engine == "onnxruntime":
        return {SESSION: constants.get(f"{engine}/session_s", 0.0)}
    python_s = modules * constants.get(f"torch/{mode}/module_s", 0.0)
    python_s += constants.get(f"torch/{mode}/step_s", 0.0)
    if profile.device.get("kind") == "gpu":
        issued_s = python_s + sum(op.count for op in ops) * constants.get("torch/launch_s", 0.0)
        return {PYTHON: max(0.0, issued_s - operators_s)}
    if faulted_bytes is None:
        faulted_bytes = sum(
            op.written_bytes * op.count for op in ops if op.written_bytes > _MAPPED_ANEW_BYTES
        )
    return {PYTHON: python_s, FAULTS: faulted_bytes * constants.get("page_fault_s_per_byte", 0.0)}
