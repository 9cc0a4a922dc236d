"""Learning curves of a study of labelled data: a law of the held-out error for each encoder, or why none.

The law is the one of data alone, L = E + B/n^beta (Hestness et al. 2017), with n the labelled rows; fit,
bootstraps and back-tests are those of any other table of runs (``fitwright.scaling``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress
from fitwright.scaling.fit import FitSettings, fit_runs
from fitwright.scaling.fitted import FittedStudy
from fitwright.scaling.prediction import farthest
from fitwright.scaling.runs import Runs
from fitwright.study.labels.runs import LabelRow, chosen

LAW = "data-only"
MEASURES = ("error", "loss")
SCHEMA = 1
KIND = "labels"
_Z = 1.96
_FEWEST_AMOUNTS = 6


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One encoder.

    Attributes:
        encoder: name. parameters: N.
        runs: for each amount and draw the run that validation preferred, ascending by amount.
        law: what was fitted to them; ``None`` where they carry none, and why stands in ``refused``.
        left_out: amounts below which the encoder did no better than guessing; they are in no law.
    """

    encoder: str
    parameters: int
    runs: tuple[LabelRow, ...]
    law: FittedStudy | None
    refused: str = ""
    left_out: tuple[int, ...] = ()

    @property
    def at_hand(self) -> LabelRow:
        """The run on the most rows that this encoder was trained on so far."""
        return self.runs[-1]

    @property
    def farthest(self) -> float:
        """The most rows that the law is asked for; 0 without one."""
        if self.law is None:
            return 0.0
        return float(self.law.runs.data.max()) * farthest(self.law.errors, "data")

    def as_json(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder, "parameters": self.parameters, "refused": self.refused or None,
            "left_out": list(self.left_out), "runs": [run.as_json() for run in self.runs],
            "law": None if self.law is None else self.law.as_json(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Curve:
        law = data["law"]
        return cls(
            encoder=data["encoder"], parameters=data["parameters"], refused=data["refused"] or "",
            left_out=tuple(data["left_out"]), runs=tuple(LabelRow(**run) for run in data["runs"]),
            law=None if law is None else FittedStudy.from_json(law),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LearningCurves:
    """All encoders of a study, smallest first.

    Attributes:
        measure: ``error`` (1 − accuracy) or ``loss`` (nats), on held-out rows.
        rows: every run of the table. data: the plan's entry: file, columns, classes, rows of each part.
        settings, provenance: plain JSON.
    """

    measure: str
    curves: tuple[Curve, ...]
    rows: tuple[LabelRow, ...]
    data: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> int:
        """Labelled rows at hand: the most that an encoder was trained on."""
        return max(curve.at_hand.rows for curve in self.curves)

    @property
    def ranked(self) -> tuple[Curve, ...]:
        """The encoders that were trained on all those labels; only these can be compared there."""
        return tuple(curve for curve in self.curves if curve.at_hand.rows == self.labels)

    @property
    def unranked(self) -> tuple[Curve, ...]:
        """The others, of a study that is not trained to its end."""
        return tuple(curve for curve in self.curves if curve.at_hand.rows != self.labels)

    @property
    def cells_left(self) -> int:
        """Cells of the plan that are not trained yet."""
        return int(self.settings.get("cells_left", 0))

    @property
    def held_out(self) -> int:
        """Rows that judged."""
        return int(self.data["held_out_rows"])

    def value(self, row: LabelRow) -> float:
        """A run's measure."""
        return value_of(row, self.measure)

    def interval(self, row: LabelRow) -> tuple[float, float]:
        """95 % of a measured error, by the rows that judged (Wilson 1927); of a loss none: NaN."""
        if self.measure != "error":
            return math.nan, math.nan
        return wilson(row.error, self.held_out)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; :meth:`from_json` reads it back."""
        return {
            "schema": SCHEMA, "kind": KIND, "measure": self.measure, "labels": self.labels,
            "data": dict(self.data), "curves": [curve.as_json() for curve in self.curves],
            "rows": [row.as_json() for row in self.rows], "settings": dict(self.settings),
            "provenance": dict(self.provenance),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LearningCurves:
        """The inverse of :meth:`as_json`; a broken part is a :class:`UsageError`."""
        try:
            if data["schema"] != SCHEMA:
                raise ValueError("another version")
            return cls(
                measure=data["measure"], data=data["data"], settings=data["settings"],
                provenance=data["provenance"], rows=tuple(LabelRow(**row) for row in data["rows"]),
                curves=tuple(Curve.from_json(part) for part in data["curves"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"a part of the study's JSON is broken ({error})", mend="Run 'fitwright study fit' again."
            ) from error


def fit_curves(
    rows: Sequence[LabelRow], data: Mapping[str, Any], *, measure: str, bootstraps: int, seed: int,
    progress: Progress,
) -> LearningCurves:  # fmt: skip
    """Fit each encoder's law to its runs.

    Raises:
        UsageError: an unknown measure, or settings out of range.
    """
    if measure not in MEASURES:
        raise UsageError("unknown measure of labelled runs", got=measure, allowed=", ".join(MEASURES))
    settings = FitSettings(law=LAW, bootstraps=bootstraps, seed=seed)
    guessing = float(data["guessing_error"]), int(data["held_out_rows"])
    names = sorted({(row.parameters, row.model) for row in rows})
    curves = tuple(
        _curve(name, parameters, chosen(rows, name), measure, guessing, settings, progress)
        for parameters, name in names
    )
    return LearningCurves(
        measure=measure, curves=curves, rows=tuple(rows), data=data, settings=settings.as_json()
    )


def _curve(
    name: str, parameters: int, runs: tuple[LabelRow, ...], measure: str, guessing: tuple[float, int],
    settings: FitSettings, progress: Progress,
) -> Curve:  # fmt: skip
    below = _no_better_than_guessing(runs, *guessing)
    made = partial(Curve, encoder=name, parameters=parameters, runs=runs, left_out=below)
    fitted = [run for run in runs if run.rows not in below]
    amounts = len({run.rows for run in fitted})
    if amounts < _FEWEST_AMOUNTS:
        why = (
            f"only {amounts} amounts of labels with an error better than guessing; a law needs "
            f"{_FEWEST_AMOUNTS}"
        )
        return made(law=None, refused=why)
    values = np.array([_positive(value_of(run, measure), guessing[1]) for run in fitted])
    if float(values.max() - values.min()) < 1e-9:
        return made(law=None, refused="all amounts of labels did the same")
    rows = np.array([float(run.rows) for run in fitted])
    table = Runs(
        size=np.full(len(rows), float(parameters)), data=rows, unique=rows, loss=values, size_kind="total"
    )
    return made(law=fit_runs(table, settings, progress))


def _no_better_than_guessing(runs: Sequence[LabelRow], guess: float, held_out: int) -> tuple[int, ...]:
    """Amounts up to the largest at which the mean error is within noise of the commonest class's.

    A curve is flat there, and no power law (the region of small data of Hestness et al. 2017, figure 6).
    """
    noise = _Z * math.sqrt(guess * (1 - guess) / held_out)
    amounts = sorted({run.rows for run in runs})
    flat = [rows for rows in amounts if _mean(runs, rows) > guess - noise]
    return tuple(rows for rows in amounts if flat and rows <= flat[-1])


def _mean(runs: Sequence[LabelRow], rows: int) -> float:
    found = [run.error for run in runs if run.rows == rows]
    return sum(found) / len(found)


def value_of(row: LabelRow, measure: str) -> float:
    """What a law is fitted to."""
    return row.error if measure == "error" else row.loss


def _positive(value: float, held_out: int) -> float:
    """No error at all among so many rows counts as half of one: a law's logarithms need more than 0."""
    return max(value, 0.5 / held_out)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """95 % interval of a share of ``rows`` (Wilson 1927): holds near 0 and 1 too."""
    centre = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2)) / (1 + _Z**2 / rows)
    return max(0.0, centre - half), min(1.0, centre + half)
