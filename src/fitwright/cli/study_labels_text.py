"""What ``fitwright study`` says to people about labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.cli.study_costs import cost_columns, whole_text
from fitwright.core.units import format_count, format_seconds

if TYPE_CHECKING:
    from fitwright.scaling.design.label_plan import LabelCell, LabelPlan
    from fitwright.study.labels.curves import Curve, LearningCurves
    from fitwright.study.labels.table import LabelRun

_MANY = 24
"""Cells that are shown one by one; of more, those that cost most."""


def label_plan_text(plan: LabelPlan, folder: Path) -> str:
    """The cells with their costs, the whole, what next."""
    from fitwright.cli.console import fitted_table
    from fitwright.reporting.tables import Column

    size = {encoder.name: encoder.parameters for encoder in plan.encoders}
    columns: list[Column[LabelCell]] = [
        Column(key="model", title="Encoder", value=lambda c: c.encoder),
        Column(key="params", title="N", value=lambda c: size[c.encoder], text=format_count, numeric=True),
        Column(key="rows", title="Labels", value=lambda c: c.unique_rows, text=lambda v: f"{v:,}",
               numeric=True),
        Column(key="epochs", title="Epochs", value=lambda c: c.epochs, numeric=True),
        Column(key="draw", title="Draw", value=lambda c: c.draw + 1, numeric=True, spare=2),
        *_regularisation(plan),
        Column(key="batch", title="Batch", value=lambda c: c.batch_rows, numeric=True, spare=3),
        *cost_columns(),
    ]  # fmt: skip
    table, said = fitted_table(plan.cells[:_MANY], columns)
    if len(plan.cells) > _MANY:
        said = [f"… and {len(plan.cells) - _MANY} that cost less", *said]
    data, amounts = plan.data, plan.amounts
    heading = (
        f"{len(plan.encoders)} encoders, {len(plan.cells)} cells of {amounts[0]:,} to {amounts[-1]:,} "
        f"labelled rows ({amounts[-1] / amounts[0]:.3g}×); {data['training_rows']:,} rows to train on, "
        f"{data['validation_rows']:,} choose the epoch, {data['held_out_rows']:,} judge; "
        f"{len(data['classes'])} classes, guessing is wrong {data['guessing_error']:.1%} of the time"
    )
    parts = [
        heading, "\n".join([table, *said]), whole_text(plan),
        "\n".join(f"warning: {warning}" for warning in plan.warnings),
        f"{folder}: next, fitwright study run {folder}",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _regularisation(plan: LabelPlan) -> list[Any]:
    """Columns of what is tried."""
    from fitwright.reporting.tables import Column

    columns: list[Column[LabelCell]] = [
        Column(key="dropout", title="Dropout", value=lambda c: c.dropout, text=lambda v: f"{v:g}",
               numeric=True),
        Column(key="decay", title="Decay", value=lambda c: f"{c.weight_decay:g}", numeric=True),
    ]  # fmt: skip
    tried = {
        (cell.dropout, cell.weight_decay) for cell in plan.cells if cell.encoder == plan.cells[0].encoder
    }
    return columns if len(tried) > 1 else []


def label_runs_text(runs: Sequence[LabelRun], folder: Path) -> str:
    """The finished cells with their errors and losses."""
    from fitwright.cli.console import fitted_table
    from fitwright.reporting.tables import Column

    def loss(key: str, title: str, of: Any) -> Column[LabelRun]:
        return Column(key=key, title=title, value=of, text=lambda v: f"{v:.3f}", numeric=True)

    columns: list[Column[LabelRun]] = [
        Column(key="model", title="Encoder", value=lambda r: r.cell.encoder),
        Column(key="rows", title="Labels", value=lambda r: r.cell.unique_rows, text=lambda v: f"{v:,}",
               numeric=True),
        Column(key="epochs", title="Epochs", value=lambda r: r.cell.epochs, numeric=True),
        Column(key="draw", title="Draw", value=lambda r: r.cell.draw + 1, numeric=True, spare=3),
        Column(key="accuracy", title="Accuracy", value=lambda r: r.judged.heldout_accuracy,
               text=lambda v: f"{v:.1%}", numeric=True),
        loss("loss", "Held out", lambda r: r.judged.heldout_loss),
        loss("train", "Trained on", lambda r: r.judged.seen_loss),
        Column(key="best", title="best epoch", value=lambda r: r.best_epoch, numeric=True,
               spare=1),
        Column(key="seconds", title="Time", value=lambda r: r.history.seconds, text=format_seconds,
               numeric=True, spare=2),
    ]  # fmt: skip
    table, said = fitted_table(runs, columns)
    return "\n".join([table, *said, "", f"{folder / 'runs.csv'}: next, fitwright study fit {folder}"])


def curves_text(found: LearningCurves, folder: Path) -> str:
    """The laws, the answer in sentences, what next."""
    from fitwright.reporting.tables import Column, terminal
    from fitwright.study.labels.answers import best_at_hand
    from fitwright.study.labels.fitting import read_label_plan
    from fitwright.study.labels.hand_over import commands
    from fitwright.study.labels.wording import QUESTION, figure, sentences, unfinished

    def number(name: str) -> Column[Curve]:
        return Column(key=name, title=name, value=lambda c: None if c.law is None else c.law.parameters[name],
                      text=lambda v: f"{v:.3g}", numeric=True)  # fmt: skip

    columns: list[Column[Curve]] = [
        Column(key="model", title="Encoder", value=lambda c: c.encoder),
        Column(key="params", title="N", value=lambda c: c.parameters, text=format_count, numeric=True),
        Column(key="at-hand", title=f"On {found.labels:,}", numeric=True,
               value=lambda c: found.value(c.at_hand) if c.at_hand.rows == found.labels else None,
               text=lambda v: figure(found.measure, v)),
        number("E"), number("B"), number("beta"),
        Column(key="heldout", title="Back-tests off", numeric=True,
               value=lambda c: None if c.law is None else c.law.heldout_error,
               text=lambda v: f"{100 * v:.1f} %"),
    ]  # fmt: skip
    warnings = [f"warning: {curve.encoder}: {text}" for curve in found.curves for text in _doubts(curve)]
    if left := unfinished(found):
        warnings.insert(0, f"warning: {left}; go on with fitwright study run {folder}")
    best = best_at_hand(found)
    lines = commands(folder, read_label_plan(folder), best)
    parts = [
        f"{found.measure} = E + B/n^beta for each encoder, n the labelled rows; {len(found.rows)} runs",
        terminal(found.curves, columns), "\n".join([QUESTION, *(f"- {line}" for line in sentences(found))]),
        "\n".join(warnings), f"Next: fitwright study report {folder}, or\n" + "\n".join(lines),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _doubts(curve: Curve) -> list[str]:
    """What weakens a law, in words."""
    flat = ", ".join(map(str, curve.left_out))
    found = [f"no better than guessing on {flat} labels, left out of its law"] if flat else []
    return [*found, *(() if curve.law is None else curve.law.warnings)]
