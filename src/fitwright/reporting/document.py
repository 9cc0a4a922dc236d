"""A report as data: stored as ``report.json``; the page and its Markdown twin are made from it.

Records use the standard quantity names: ``parameters`` (1), ``size`` (B), ``latency-p50`` and
``latency-p95`` (s), ``throughput`` (1/s), ``memory`` (B), ``accuracy`` and ``f1`` (1), ``drop`` (points
below the source, with the paired interval).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.reporting.rows import (
    CandidateRow,
    Confusion,
    Curve,
    CurvePoint,
    DataSummary,
    ErrorRow,
    ModelRow,
    Prediction,
    StageRow,
    Status,
    Verdict,
    many,
    plain,
    record,
)
from fitwright.spec.record import Record

__all__ = [
    "REPORT_NAME",
    "CandidateRow",
    "Confusion",
    "Curve",
    "CurvePoint",
    "DataSummary",
    "ErrorRow",
    "ModelRow",
    "Prediction",
    "Report",
    "StageRow",
    "Status",
    "Verdict",
]

REPORT_NAME = "report.json"
SCHEMA = 1

_ROWS = {
    "records": Record, "candidates": CandidateRow, "models": ModelRow, "predictions": Prediction,
    "curves": Curve, "confusions": Confusion, "worst_errors": ErrorRow, "stages": StageRow,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report shows. Only the first three are needed; an empty part is left out of the page.

    Attributes:
        title: for example ``"reviews.csv: text classification"``.
        task: ``text-classification``.
        verdict: the answer in one sentence.
        made_at: ISO-8601 time, from the caller's clock; empty where unknown.
        budget: ``spec.BudgetLine.as_json()`` of every constraint.
        source, result: the model before and after, measured in the same run.
        records: further measurements (other engines, batches, lengths), each with its context.
        baseline: the source as measured beside the candidates, on their rows; ``None`` where that is
            ``source`` itself.
        candidates: every point of the search, the chosen one included.
        models: the source models that were considered.
        predictions: every prediction that has a measurement.
        curves, confusions, worst_errors, data, stages: see their rows.
        provenance: versions, hardware, seed, data fingerprint (``core.provenance`` and more), plain JSON.
        commands: the exact shell lines that rebuild it, in order.
        lock_file: name of the dependency lock beside the report; empty where there is none.
        notes: further lines on how the numbers were measured.
    """

    title: str
    task: str
    verdict: Verdict
    made_at: str = ""
    budget: tuple[Mapping[str, Any], ...] = ()
    source: Record | None = None
    result: Record | None = None
    records: tuple[Record, ...] = ()
    baseline: Record | None = None
    candidates: tuple[CandidateRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    curves: tuple[Curve, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    worst_errors: tuple[ErrorRow, ...] = ()
    data: DataSummary | None = None
    stages: tuple[StageRow, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    lock_file: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; :meth:`from_json` reads it back."""
        rows: dict[str, Any] = plain(self)
        return {"schema": SCHEMA, **rows}

    @classmethod
    def from_json(cls, data: Any) -> Report:
        """The inverse of :meth:`as_json`; another format or a broken part is a :class:`UsageError`."""
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise UsageError(
                "this report.json was written by another version of its format",
                got=data.get("schema") if isinstance(data, dict) else type(data).__name__,
                allowed=str(SCHEMA),
                mend="Run the command that made it again with this version of fitwright.",
            )
        found = {key: value for key, value in data.items() if key != "schema"}
        try:
            found["verdict"] = Verdict.from_json(found["verdict"])
            for key in ("source", "result", "baseline"):
                found[key] = record(found.get(key))
            found["data"] = DataSummary.from_json(found["data"]) if found.get("data") else None
            for key, kind in _ROWS.items():
                found[key] = many(kind, found.get(key))
            for key in ("budget", "commands", "notes"):
                found[key] = tuple(found.get(key) or ())
            return cls(**found)
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"a part of report.json is broken ({error})") from error

    def write(self, directory: Path) -> Path:
        """Write ``report.json`` into ``directory``, whole or not at all; its path."""
        path = directory / REPORT_NAME
        write_json(path, self.as_json())
        return path

    @classmethod
    def read(cls, directory: Path) -> Report:
        """Read ``report.json`` of a bundle or a workspace."""
        return cls.from_json(read_json(directory / REPORT_NAME, what=REPORT_NAME))
