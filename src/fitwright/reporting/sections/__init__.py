"""The parts of a report: each a function from the Report to a Section, ``None`` where empty."""

from __future__ import annotations

from fitwright.reporting.blocks import Section
from fitwright.reporting.document import Report
from fitwright.reporting.sections.candidates import candidates, models
from fitwright.reporting.sections.measurements import before_and_after, further
from fitwright.reporting.sections.notes import notes
from fitwright.reporting.sections.predictions import predictions
from fitwright.reporting.sections.quality import quality, worst_errors
from fitwright.reporting.sections.rebuild import data, rebuild
from fitwright.reporting.sections.training import training

_ORDER = (
    candidates, before_and_after, predictions, quality, worst_errors, training, models, data, further,
    rebuild, notes,
)  # fmt: skip


def sections(report: Report) -> tuple[Section, ...]:
    """The sections below the summary, in reading order; empty ones are left out."""
    return tuple(section for make in _ORDER if (section := make(report)) is not None)
