"""``fitwright.check_table``: a published table of model figures, judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitwright.reporting.tables import Column
    from fitwright.sizing.checking.report import Report, Wrong


def check_table(path: str | Path) -> Report:
    """Which figures of a table are wrong, and by how much.

    A parameter count is wrong when it is more than 2 % (5 % where the table marks it with ``~``, ``≈`` or
    ``约``) from every standard class of the model. Layers, hidden size, heads, feed-forward size, vocabulary
    and maximum length are wrong when they are not equal; layers of an encoder-decoder count per stack. Right
    values are the catalogue's, or a model directory's where a name is the path of one.

    Args:
        path: a Markdown, HTML, CSV or TSV file; headings may be English or Chinese.

    Returns:
        A report: ``wrong`` (the wrong cells, with the right value and its source), ``passed``, ``judged``,
        ``notes`` (what was not judged and why, how ambiguous names were settled), ``as_json()``.

    Raises:
        UsageError: no such file.
        DataError: no table, no column of models, or nothing that can be judged.
    """
    from fitwright.sizing.checking.judging import check_file

    return check_file(path)


def columns(report: Report, *, full: bool = False) -> tuple[Column[Wrong], ...]:
    """The columns of the table of wrong cells; ``full``: with sources, nothing cut."""
    from fitwright.core.units import format_count
    from fitwright.reporting.tables import Column, shorten

    def figure(value: int) -> str:
        """Three decimals from a billion on: 1.558B, where 1.6B would not tell it from 1.5B."""
        if value >= 10**9:
            return f"{value / 1e9:.3f}B"
        return format_count(value) if value >= 10**6 else str(value)

    def text(
        key: str, title: str, read: Callable[[Wrong], Any], width: int = 0, spare: int = 0
    ) -> Column[Wrong]:
        cut = (lambda value: shorten(value, width)) if width and not full else str
        return Column(key=key, title=title, value=read, text=cut, spare=spare)

    table: Column[Wrong] = Column(key="table", title="Table", value=lambda wrong: wrong.table, numeric=True)
    several = full or len({wrong.table for wrong in report.wrong}) > 1 or report.tables > 1
    shown: tuple[Column[Wrong], ...] = (
        Column(key="row", title="Row", value=lambda wrong: wrong.row, numeric=True),
        text("model", "Model", lambda wrong: wrong.model, 28),
        text("column", "Column", lambda wrong: wrong.column, 24),
        text("field", "Figure", lambda wrong: wrong.field.replace("_", " "), spare=1),
        Column(key="stated", title="Stated", value=lambda wrong: wrong.stated, numeric=True),
        Column(key="correct", title="Correct", value=lambda wrong: wrong.correct, text=figure, numeric=True),
        Column(
            key="error_pct", title="Off by", value=lambda wrong: round(wrong.error_pct, 2), numeric=True,
            text=lambda value: f"{value:+.1f} %",
        ),
        Column(key="id", title="Taken as", value=lambda wrong: wrong.id),
    )  # fmt: skip
    if full:
        shown += (
            Column(key="source", title="Source", value=lambda wrong: wrong.source),
            Column(key="note", title="Note", value=lambda wrong: wrong.note or None),
        )
    return (table, *shown) if several else shown
