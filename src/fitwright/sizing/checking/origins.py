"""Where a right value comes from, and why a wrong one is in circulation."""

from __future__ import annotations

from fitwright.catalog.store import is_confirmed
from fitwright.core.units import format_count
from fitwright.sizing.checking.figures import TOLERANCE, Figure, figures, off_by, parameter_classes
from fitwright.sizing.checking.headings import COUNTS, title
from fitwright.sizing.checking.stated import Stated
from fitwright.spec.model import ModelSpec

_SAME = 0.005


def source_of(spec: ModelSpec, figure: Figure, field: str) -> str:
    """One line: what the right value is, of which model, how it was had, and where its sizes were read."""
    read_in = spec.sources[0] if spec.sources else "no confirmed source"
    doubt = "" if spec.confidence.startswith(("verified", "high")) else f" (confidence: {spec.confidence})"
    if field not in COUNTS:
        return f"{title(field)} of {spec.id}: {read_in}{doubt}"
    if spec.weights is not None:
        return f"{figure.what} of {spec.id}: {', '.join(spec.sources)}"
    return f"{figure.what} of {spec.id}, {_counted(spec)}; sizes: {read_in}{doubt}"


def _counted(spec: ModelSpec) -> str:
    how = str(spec.facts.get("built_with", ""))
    if not how:
        return "each shared tensor counted once"
    if spec.parameters != spec.facts.get("built_params"):
        return "as in the released checkpoint, whose output matrix is not tied"
    if how.startswith("closed"):
        return how
    return f"built without weights by {how}"


def explain(stated: Stated, spec: ModelSpec, figure: Figure, field: str) -> str:
    """Why somebody may have written a wrong parameter count; empty where nothing is known."""
    if field != "parameters":
        return ""
    facts = spec.facts
    published, source = facts.get("published_params"), facts.get("published_source")
    reason = str(facts.get("mismatch_explained") or "")
    if published and abs(stated.number - published) <= _SAME * published and reason and is_confirmed(reason):
        return reason
    shown = stated.text.strip("~≈约 ").upper()
    notes = str(facts.get("notes") or "")
    if shown and shown in notes and is_confirmed(notes):
        return notes
    for other in figures(spec, "non_embedding"):
        if abs(off_by(stated, other)) <= TOLERANCE:
            return f"it is near the count without the word embeddings, {other.value:,}"
    for name, count in parameter_classes(spec).items():
        if abs(stated.number - count) <= TOLERANCE * count:
            return f"it is near {name} alone, a part of the model: {count:,}"
    if published and is_confirmed(source) and abs(stated.number - published) <= _SAME * published:
        return f"the figure of {source}"
    if stated.step and abs(stated.number - figure.value) <= stated.step / 2:
        return f"{format_count(figure.value)} rounded to the table's digits"
    return ""
