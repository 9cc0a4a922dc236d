"""What a recommendation is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.selection.limits import Miss
from fitwright.selection.needs import Needs
from fitwright.selection.quality import Benchmark, Figure
from fitwright.selection.runtime import Runtime
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A model that may do.

    Attributes:
        figure: its published quality on the chosen benchmark; ``None``: unknown.
        doubtful: limits that its interval reaches over: measure before relying on it.
        unknown: limits that no estimate could be held against.
        reason: why it stands where it stands, in a few words.
        notes: what else to know before choosing it.
    """

    spec: ModelSpec
    figure: Figure | None
    needs: Needs
    runtime: Runtime
    doubtful: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> str:
        """``fits``, ``may miss …`` or ``unknown: …``, for people."""
        if self.doubtful:
            return f"may miss {', '.join(self.doubtful)}: measure"
        return f"not estimated: {', '.join(self.unknown)}" if self.unknown else "fits"

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is ``null``."""
        cost = self.needs.cost
        return {
            **model_json(self.spec),
            "quality": None if self.figure is None else self.figure.as_json(),
            "cost": None if cost is None else cost.as_json(),
            "needs": self.needs.as_json(), "memory_kind": self.needs.memory_kind,
            "runtime": self.runtime.as_json(), "verdict": self.fits, "may_miss": list(self.doubtful),
            "not_estimated": list(self.unknown), "reason": self.reason, "notes": list(self.notes),
            "assumptions": list(self.needs.assumptions),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A model that surely does not do. ``missed``: all that it misses, the one that killed it first."""

    spec: ModelSpec
    missed: tuple[Miss, ...]

    @property
    def killer(self) -> Miss:
        return self.missed[0]

    def as_json(self) -> dict[str, Any]:
        killer = self.killer
        return {
            **model_json(self.spec), "constraint": killer.constraint, "reason": killer.reason,
            "excess": killer.excess, "missed": [miss.as_json() for miss in self.missed],
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Where nothing fits: the model that misses least, and what to relax.

    Attributes:
        rejection: that model; ``None`` where a wish leaves no model at all, so that nothing was estimated.
        advice: one line for each constraint to relax, with the value to relax it to.
        relax: constraint → its new value in SI that the estimate itself meets; absent where it is no number.
    """

    rejection: Rejection | None
    advice: tuple[str, ...]
    relax: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        rejection = None if self.rejection is None else self.rejection.as_json()
        return {"model": rejection, "advice": list(self.advice), "relax": dict(self.relax)}


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The answer.

    Attributes:
        recommended: the Pareto front of published quality against cost, best quality first.
        beaten: kept, but another one is better and cheaper.
        unknown_quality: kept, no figure on the benchmark; cheapest first.
        unpriced: kept, but their cost is unknown, so nothing ranks them.
        rejected: the others, in the catalogue's order.
        nearest: set where nothing was kept.
        covered, candidates: how many models of the task, language and licence there are, and how many of them
            have a figure on the benchmark.
    """

    task: str
    language: str | None
    licences: tuple[str, ...]
    workload: Workload
    training: Workload | None
    device: Device
    runtimes: tuple[Runtime, ...]
    budget: str
    price_per_hour_usd: float | None
    benchmark: Benchmark | None
    covered: int
    candidates: int
    recommended: tuple[Choice, ...]
    beaten: tuple[Choice, ...]
    unknown_quality: tuple[Choice, ...]
    unpriced: tuple[Choice, ...]
    rejected: tuple[Rejection, ...]
    nearest: Nearest | None

    @property
    def kept(self) -> tuple[Choice, ...]:
        """All models that may do, in order of rank."""
        return (*self.recommended, *self.beaten, *self.unknown_quality, *self.unpriced)

    @property
    def killed_by(self) -> Mapping[str, int]:
        """Constraint → how many models it killed, most first."""
        return dict(Counter(rejection.killer.constraint for rejection in self.rejected).most_common())

    def as_json(self) -> dict[str, Any]:
        """Plain values, complete; what is unknown is ``null``."""
        benchmark = None if self.benchmark is None else self.benchmark.as_json()
        return {
            "schema": SCHEMA, "task": self.task, "language": self.language, "licences": list(self.licences),
            "workload": self.workload.as_json(),
            "training": None if self.training is None else self.training.as_json(),
            "device": self.device.as_json(), "runtimes": [found.as_json() for found in self.runtimes],
            "budget": self.budget, "price_per_hour_usd": self.price_per_hour_usd,
            "cost": "seconds of one row: estimated latency of a batch / rows of the batch",
            "benchmark": benchmark, "covered": self.covered, "candidates": self.candidates,
            "recommended": [choice.as_json() for choice in self.recommended],
            "beaten": [choice.as_json() for choice in self.beaten],
            "unknown_quality": [choice.as_json() for choice in self.unknown_quality],
            "unpriced": [choice.as_json() for choice in self.unpriced],
            "rejected": [rejection.as_json() for rejection in self.rejected],
            "killed_by": dict(self.killed_by),
            "nearest": None if self.nearest is None else self.nearest.as_json(),
        }  # fmt: skip


def model_json(spec: ModelSpec) -> dict[str, Any]:
    """What identifies a model."""
    return {"id": spec.id, "name": spec.name, "parameters": spec.parameters, "licence": spec.licence}
