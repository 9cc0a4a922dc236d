"""The shapes that compression tries, from the gentlest to the smallest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.spec.budget import BudgetLine
from fitwright.spec.record import Record


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One shape: how many of the source's layers, at which precision, in which engine."""

    layers: int
    of_layers: int
    precision: str
    engine: str = "onnxruntime"

    @property
    def name(self) -> str:
        """For people: ``4 of 6 layers, int8``."""
        kept = "all" if self.layers == self.of_layers else f"{self.layers} of"
        return f"{kept} {self.of_layers} layers, {self.precision}"

    @property
    def slug(self) -> str:
        """For file names: ``layers-4-int8``."""
        return f"layers-{self.layers}-{self.precision}"

    @property
    def distilled(self) -> bool:
        """Whether it needs a student to be taught."""
        return self.layers < self.of_layers


def plan(layers: int) -> tuple[Candidate, ...]:
    """Every candidate for a source of ``layers`` layers, in the order of expected quality."""
    whole = [Candidate(layers=layers, of_layers=layers, precision=p) for p in ("fp32", "int8")]
    fewer = [Candidate(layers=n, of_layers=layers, precision="int8") for n in range(layers - 1, 0, -1)]
    return (*whole, *fewer)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of a candidate.

    Attributes:
        status: ``met``, ``missed`` (measured) or ``skipped`` (predicted to miss, not built).
        reason: one line for people.
        predicted: before building; ``measured``: on the validation part, with ``source`` in the same run.
        lines: the budget held against the measurement, or against the prediction where it was skipped.
        directory: the engine's folder; ``model``: the model directory it was exported from.
    """

    candidate: Candidate
    status: str
    reason: str
    predicted: Record
    measured: Record | None = None
    source: Record | None = None
    lines: tuple[BudgetLine, ...] = ()
    directory: Path | None = None
    model: Path | None = None

    @property
    def excess(self) -> float:
        """By how much the worst constraint is missed, as a fraction of its target; 0 where all hold."""
        return max((line.excess for line in self.lines), default=0.0)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.candidate.name, "slug": self.candidate.slug, "layers": self.candidate.layers,
            "precision": self.candidate.precision, "engine": self.candidate.engine,
            "status": self.status, "reason": self.reason, "predicted": self.predicted.as_json(),
            "measured": self.measured.as_json() if self.measured else None,
            "budget": [line.as_json() for line in self.lines],
        }  # fmt: skip
