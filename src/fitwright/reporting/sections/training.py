"""Training curves as charts, and where each ended as a table."""

from __future__ import annotations

from fitwright.reporting.blocks import Block, Cell, Column, Figure, Heading, Section, Table
from fitwright.reporting.charts.lines import Line, Panel, panels, thin
from fitwright.reporting.document import Curve, Report
from fitwright.reporting.wording import NONE

_FEW = 12
_LINES = (("train_loss", "training", "train"), ("val_loss", "validation", "validation"))


def training(report: Report) -> Section | None:
    """One chart a training and the table of their ends."""
    curves = [curve for curve in report.curves if curve.points]
    if not curves:
        return None
    blocks: list[Block] = []
    for curve in curves:
        drawn = _panels(curve)
        if drawn:
            name = f"{curve.name} ({curve.stage})"
            caption = f"{name}. A training loss is the mean over the steps since the point before."
            wide, narrow = panels(name, drawn), panels(name, drawn, width=400)
            blocks += [Heading(name), Figure(wide, narrow, caption)]
    return Section("training", "Training", (*blocks, _ends(curves)))


def _panels(curve: Curve) -> list[Panel]:
    losses = []
    for field, name, class_ in _LINES:
        points = _points(curve, field)
        if points:
            dots = class_ != "train" or len(points) <= _FEW
            losses.append(Line(name=name, class_=class_, points=thin(points), dots=dots))
    accuracy = _points(curve, "val_accuracy")
    drawn = [Panel(title="Loss", lines=tuple(losses))] if losses else []
    if accuracy:
        line = Line(name="validation accuracy", class_="validation", points=thin(accuracy), dots=True)
        drawn.append(Panel(title="Validation accuracy", lines=(line,), percent=True))
    return drawn


def _points(curve: Curve, field: str) -> list[tuple[float, float]]:
    return [(float(p.step), value) for p in curve.points if (value := getattr(p, field)) is not None]


def _ends(curves: list[Curve]) -> Table:
    columns = (
        Column("Training"), Column("Stage"), Column("Steps", numeric=True),
        Column("Last training loss", numeric=True), Column("Lowest validation loss", numeric=True),
        Column("Best validation accuracy", numeric=True),
    )  # fmt: skip
    return Table(columns, tuple(_end(curve) for curve in curves), "Where each training ended")


def _end(curve: Curve) -> tuple[Cell, ...]:
    train, loss = _points(curve, "train_loss"), _points(curve, "val_loss")
    accuracy = _points(curve, "val_accuracy")
    lowest = min(loss, key=lambda p: p[1]) if loss else None
    best = max(accuracy, key=lambda p: p[1]) if accuracy else None
    return (
        Cell(curve.name), Cell(curve.stage), Cell(f"{max(p.step for p in curve.points):,}"),
        Cell(f"{train[-1][1]:.4f}") if train else NONE,
        Cell(f"{lowest[1]:.4f}", f"step {lowest[0]:.0f}") if lowest else NONE,
        Cell(f"{best[1] * 100:.1f} %", f"step {best[0]:.0f}") if best else NONE,
    )  # fmt: skip
