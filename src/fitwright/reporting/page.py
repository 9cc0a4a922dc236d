"""A page before it is HTML or Markdown: a headline, what stands under it, and sections. Reports become
one."""

from __future__ import annotations

from dataclasses import dataclass

from fitwright.reporting.blocks import Block, Section
from fitwright.reporting.document import Report
from fitwright.reporting.sections import sections
from fitwright.reporting.sections.summary import summary


@dataclass(frozen=True, kw_only=True)
class Page:
    """What both twins are made from.

    Attributes:
        title: for example ``"reviews.csv: text classification"``. kind: what it is about, beside the title.
        headline: the answer in one sentence.
        badge: whether a budget was met, and in which words; ``None`` where there was none.
        made_at, made_by: ISO-8601 time and program; empty where unknown.
        top: blocks under the headline. sections: the rest, in reading order.
    """

    title: str
    kind: str
    headline: str
    badge: tuple[bool, str] | None = None
    made_at: str = ""
    made_by: str = "fitwright"
    top: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()


def page_of(report: Report) -> Page:
    """The page of a report."""
    met = report.verdict.met
    version = report.provenance.get("versions", {})
    return Page(
        title=report.title,
        kind=report.task,
        headline=report.verdict.headline,
        badge=None if met is None else (met, "Budget met" if met else "Budget missed"),
        made_at=report.made_at,
        made_by=f"fitwright {version['fitwright']}" if "fitwright" in version else "fitwright",
        top=summary(report),
        sections=sections(report),
    )
