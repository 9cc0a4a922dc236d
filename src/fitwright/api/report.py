"""``report``: a bundle, workspace or model directory → one HTML page and its Markdown twin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.core.files import write_text

if TYPE_CHECKING:
    from fitwright.reporting.document import Report

FORMATS = ("both", "html", "markdown")


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """The report and where it was written; a format that was not asked for is ``None``."""

    report: Report
    html: Path | None
    markdown: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.html, self.markdown) if path is not None)


def report(path: str | Path, *, output: str | Path | None = None, format: str = "both") -> WrittenReport:
    """Write ``report.html`` and ``report.md``, each whole or not at all.

    Args:
        path: what to report: a bundle, the output folder of ``fit``, a model directory, or a ``report.json``.
        output: folder to write into; ``None`` writes beside what is reported.
        format: ``html``, ``markdown`` or ``both``.

    Raises:
        UsageError: nothing to report there, or an unknown format.
        RunError: the folder cannot be written.
    """
    if format not in FORMATS:
        raise UsageError("unknown report format", got=format, allowed=", ".join(FORMATS))
    from fitwright.reporting import html, markdown
    from fitwright.reporting.directory import read_report

    source = Path(path)
    document = read_report(source)
    folder = Path(output) if output is not None else source.parent if source.is_file() else source
    if folder.exists() and not folder.is_dir():
        raise UsageError("--output is not a folder", got=str(folder))
    page = folder / "report.html" if format != "markdown" else None
    twin = folder / "report.md" if format != "html" else None
    if page is not None:
        write_text(page, html.render(document))
    if twin is not None:
        write_text(twin, markdown.render(document))
    return WrittenReport(report=document, html=page, markdown=twin)
