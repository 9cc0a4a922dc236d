"""What the models get right and wrong: confusion matrices, scores by class, the worst errors."""

from __future__ import annotations

from fitwright.reporting.blocks import Beside, Block, Cell, Column, Folded, Heading, Section, Table, Text
from fitwright.reporting.document import Confusion, ErrorRow, Report
from fitwright.reporting.wording import NONE, cut

MOST_LABELS = 12
MOST_ERRORS = 25
LONGEST_TEXT = 280
_MOST_BESIDE = 3


def quality(report: Report) -> Section | None:
    """Confusion matrix and scores by class of every model that has one."""
    if not report.confusions:
        return None
    groups = tuple(_group(confusion) for confusion in report.confusions)
    small = all(len(confusion.labels) <= _MOST_BESIDE for confusion in report.confusions)
    blocks: tuple[Block, ...] = (Beside(groups),) if small else tuple(b for group in groups for b in group)
    return Section("quality", "Right and wrong answers by class", blocks, short="Classes")


def _group(confusion: Confusion) -> tuple[Block, ...]:
    scores, heading = _scores(confusion), Heading(confusion.subject)
    if len(confusion.labels) <= MOST_LABELS:
        return heading, _matrix(confusion), scores
    folded = Folded(f"Scores of all {len(confusion.labels)} classes", (scores,))
    return heading, _confused_pairs(confusion), folded


def _matrix(confusion: Confusion) -> Table:
    columns = (
        Column("True class"),
        *(Column(cut(name, 24), centred=True, group="Answered") for name in confusion.labels),
        Column("Rows", numeric=True),
    )
    rows = []
    for name, counts in zip(confusion.labels, confusion.counts, strict=True):
        total = sum(counts)
        shares = [count / max(total, 1) for count in counts]
        heat = [
            Cell(f"{count:,}", f"{share * 100:.1f} %", heat=share)
            for count, share in zip(counts, shares, strict=True)
        ]
        rows.append((Cell(cut(name, 40)), *heat, Cell(f"{total:,}", mark="muted")))
    return Table(columns, tuple(rows), f"Confusion matrix, {confusion.subject}")


def _confused_pairs(confusion: Confusion) -> Table:
    pairs = [
        (count, i, j)
        for i, row in enumerate(confusion.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    columns = (Column("True class"), Column("Answered"), Column("Rows", numeric=True))
    rows = tuple(
        (Cell(cut(confusion.labels[i], 40)), Cell(cut(confusion.labels[j], 40)), Cell(f"{count:,}"))
        for count, i, j in sorted(pairs, reverse=True)[:20]
    )
    return Table(columns, rows, f"The most frequent confusions, {confusion.subject}")


def _scores(confusion: Confusion) -> Table:
    columns = (
        Column("Class"), Column("Precision", numeric=True), Column("Recall", numeric=True),
        Column("F1", numeric=True), Column("Rows", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(cut(name, 40)),
            *(Cell(f"{score * 100:.1f} %", sort=score) for score in confusion.scores(index)),
            Cell(f"{sum(confusion.counts[index]):,}", sort=sum(confusion.counts[index])),
        )
        for index, name in enumerate(confusion.labels)
    )
    return Table(columns, rows, f"Scores by class, {confusion.subject}", sortable=True)


def worst_errors(report: Report) -> Section | None:
    """The most confident wrong answers, with what the source said."""
    if not report.worst_errors:
        return None
    rows = report.worst_errors[:MOST_ERRORS]
    with_source = any(row.source_answer is not None for row in rows)
    columns = [
        Column("Text", wide=True), Column("True class"), Column("Answer"), Column("Confidence", numeric=True),
    ]  # fmt: skip
    if with_source:
        columns.append(Column("The source said"))
    table = Table(tuple(columns), tuple(_error(row, with_source) for row in rows), "The worst errors")
    left = len(report.worst_errors) - len(rows)
    more: tuple[Block, ...] = (Text(f"{left} more are in report.json.", "muted"),) if left else ()
    lead = (
        "Held-out rows that the result got wrong with the highest confidence. Some labels may be wrong, too."
    )
    return Section("errors", "Worst errors", (table, *more), lead, "Errors")


def _error(row: ErrorRow, with_source: bool) -> tuple[Cell, ...]:
    cells = [
        Cell(cut(row.text, LONGEST_TEXT)), Cell(cut(row.truth, 40)), Cell(cut(row.answer, 40), mark="no"),
        Cell(f"{row.confidence * 100:.1f} %", sort=row.confidence),
    ]  # fmt: skip
    if with_source:
        right = row.source_answer == row.truth
        said = Cell(cut(row.source_answer or "", 40), mark="yes" if right else "no")
        cells.append(NONE if row.source_answer is None else said)
    return tuple(cells)
