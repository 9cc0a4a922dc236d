"""How each kind of number was obtained, in a sentence each; only for what the report holds."""

from __future__ import annotations

from collections.abc import Iterator

from fitwright.reporting.blocks import Block, Bullets, Cell, Column, Section, Table
from fitwright.reporting.document import Report
from fitwright.reporting.wording import title
from fitwright.spec.record import Record

_MEANINGS = {
    "parameters": "Trainable values of the model, each shared tensor counted once, buffers not counted.",
    "size": "Bytes of the files that this model needs on disk.",
    "latency-p50": "Median wall time to answer one request: half of the requests were faster.",
    "latency-p95": "95 of 100 requests were answered within this time.",
    "throughput": "Rows answered in a second of wall time.",
    "throughput-batch1": "Rows answered in a second when they come one at a time.",
    "memory": "Highest memory in use while answering.",
    "accuracy": "Share of held-out rows answered correctly.",
    "f1": "F1 of each class, averaged with the same weight for every class.",
    "drop": "Points (hundredths of the quality metric) below the source, both compared row by row on the "
    "same held-out rows; a negative drop is a gain.",
}
_ORIGINS = (
    "Measured numbers come from runs on the machine named above; below each stands its interval.",
    "Numbers marked with ≈ are estimates made before the thing itself was measured; below stands "
    "the interval that they claim. "
    "They never share a column with measured numbers.",
    "kB, MB and GB are powers of ten; KiB, MiB and GiB are powers of two.",
)


def notes(report: Report) -> Section | None:
    """The glossary and the notes of the run."""
    names = dict.fromkeys(n for record in _records(report) for n in record.quantities)
    known = [(title(n), _remark(report, n) or _MEANINGS[n]) for n in names if n in _MEANINGS]
    blocks: list[Block] = []
    if known:
        rows = tuple((Cell(name), Cell(text)) for name, text in known)
        blocks.append(Table((Column("Quantity"), Column("What it says", wide=True)), rows, "Quantities"))
    blocks.append(Bullets((*report.notes, *_ORIGINS)))
    return Section("notes", "How the numbers were obtained", tuple(blocks), short="Notes")


def _records(report: Report) -> Iterator[Record]:
    yield from (r for r in (report.source, report.result, *report.records) if r is not None)
    for candidate in report.candidates:
        yield from (r for r in (candidate.predicted, candidate.measured) if r is not None)


def _remark(report: Report, name: str) -> str:
    """The measurement's own note with the general meaning, where it has one."""
    for record in (report.result, report.source):
        quantity = record.get(name) if record is not None else None
        if quantity is not None and quantity.note:
            return f"{_MEANINGS[name]} Here: {quantity.note.rstrip('.')}."
    return ""
