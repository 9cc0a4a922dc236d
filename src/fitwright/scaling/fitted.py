"""A fitted study as a value: what was found, the runs it was found from, and JSON of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.scaling.choice import law_named
from fitwright.scaling.downstream import Downstream
from fitwright.scaling.frontier import Frontier
from fitwright.scaling.isoflop import Isoflop, Level
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.prediction import Errors, Prediction, predict
from fitwright.scaling.runs import Runs
from fitwright.scaling.turn import Turn, Turns

SCHEMA = 2


@dataclass(frozen=True, kw_only=True)
class CandidateError:
    """A form that was tried.

    Attributes:
        numbers: how many it fits. error: mean relative error on the largest runs left out.
        by_axis: the same by compute, size and data. inside: on random folds left out.
    """

    law: str
    formula: str
    numbers: int
    error: float | None
    by_axis: Mapping[str, float]
    inside: float | None

    def as_json(self) -> dict[str, Any]:
        return {
            "law": self.law, "formula": self.formula, "numbers": self.numbers,
            "heldout": {"error": self.error, **self.by_axis, "inside": self.inside},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CandidateError:
        held = dict(data["heldout"])
        error, inside = held.pop("error"), held.pop("inside")
        return cls(
            law=data["law"], formula=data["formula"], numbers=data["numbers"], error=error, by_axis=held,
            inside=inside,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FittedStudy:
    """A law with its numbers and everything that predictions lean on.

    Attributes:
        parameters: public name → value. intervals: name → the middle 95 % of bootstraps; empty where none
            were made.
        objective: Σ Huber(log residual, delta 1e-3) over all runs.
        heldout_error, heldout_scheme: mean relative error on runs left out, and which; ``None`` where
            impossible.
        errors: the back-test behind the intervals of predictions.
        downstream: accuracy through loss, where the runs told one.
        settings, provenance: plain JSON; columns and file among the settings.
    """

    law: Law
    parameters: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    objective: float
    heldout_error: float | None
    heldout_scheme: str
    candidates: tuple[CandidateError, ...]
    warnings: tuple[str, ...]
    runs: Runs
    errors: Errors
    settings: Mapping[str, Any]
    isoflop: Isoflop | None
    turns: Turns | None
    downstream: Downstream | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frontier(self) -> Frontier:
        return Frontier(law=self.law, parameters=self.parameters, runs=self.runs, errors=self.errors)

    def predict(self, *, size: float, data: float, unique: float | None = None) -> Prediction:
        """See :func:`fitwright.scaling.prediction.predict`."""
        found = predict(
            self.law, self.parameters, self.runs, self.errors, size=size, data=data, unique=unique
        )
        if self.downstream is None:
            return found
        return replace(
            found, accuracy=self.downstream.accuracy(found.loss),
            accuracy_interval=self.downstream.interval(found.interval),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; :meth:`from_json` reads it back."""
        return {
            "schema": SCHEMA,
            "law": self.law.name,
            "formula": self.law.formula,
            "parameters": dict(self.parameters),
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "objective": self.objective,
            "heldout": {"error": self.heldout_error, "scheme": self.heldout_scheme},
            "candidates": [candidate.as_json() for candidate in self.candidates],
            "warnings": list(self.warnings),
            "isoflop": None if self.isoflop is None else self.isoflop.as_json(),
            "turn": None if self.turns is None else self.turns.as_json(),
            "downstream": None if self.downstream is None else self.downstream.as_json(),
            "settings": dict(self.settings),
            "provenance": dict(self.provenance),
            "backtest": self.errors.as_json(),
            "runs": self.runs.as_json(),
        }

    @classmethod
    def from_json(cls, data: Any) -> FittedStudy:
        """The inverse of :meth:`as_json`; another format or a broken part is a :class:`UsageError`."""
        if not isinstance(data, dict) or data.get("schema") != SCHEMA or "backtest" not in data:
            raise UsageError(
                "this is no result of 'fitwright study fit', or one of another version",
                mend="Run 'fitwright study fit RUNS.csv --output FIT.json' and give that file.",
            )
        try:
            return cls(
                law=law_named(data["law"]), parameters=data["parameters"],
                intervals={name: (pair[0], pair[1]) for name, pair in data["intervals"].items()},
                objective=data["objective"], heldout_error=data["heldout"]["error"],
                heldout_scheme=data["heldout"]["scheme"],
                candidates=tuple(CandidateError.from_json(part) for part in data["candidates"]),
                warnings=tuple(data["warnings"]), runs=Runs.from_json(data["runs"]),
                errors=Errors.from_json(data["backtest"]), settings=data["settings"],
                isoflop=_isoflop(data["isoflop"]), turns=_turns(data["turn"]), provenance=data["provenance"],
                downstream=None if data["downstream"] is None else Downstream.from_json(data["downstream"]),
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise UsageError(f"a part of the study's JSON is broken ({error})") from error


def read_study(path: Path) -> FittedStudy:
    """The study that ``study fit`` wrote."""
    return FittedStudy.from_json(read_json(path, what="study"))


def _isoflop(data: Mapping[str, Any] | None) -> Isoflop | None:
    if data is None:
        return None
    levels = tuple(
        Level(
            flops=part["flops"], runs=part["runs"], best=part["best_n"], lowest=part["loss"],
            bend=part["bend"], inside=part["inside"],
        )
        for part in data["levels"]
    )  # fmt: skip
    return Isoflop(levels=levels, coefficient=data["coefficient"], exponent=data["exponent"])


def _turns(data: Mapping[str, Any] | None) -> Turns | None:
    if data is None:
        return None
    found = tuple(
        Turn(
            unique=part["unique"], best=part["best_n"], loss=part["loss"], sizes=part["sizes"],
            turned=part["turned"], memory_size=part["associative_memory_n"],
        )
        for part in data["turns"]
    )  # fmt: skip
    return Turns(turns=found, exponent=data["exponent"])
