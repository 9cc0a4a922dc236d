"""What ``fitwright study design`` and ``run`` say to people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.cli.study_costs import cost_columns, whole_text
from fitwright.core.units import format_count, format_seconds

if TYPE_CHECKING:
    from fitwright.scaling.design.plan import Cell, Plan, StudyPlan
    from fitwright.study.kinds import FinishedRun
    from fitwright.study.table import CellRun


def plan_text(plan: StudyPlan, folder: Path) -> str:
    """The plan of either kind."""
    from fitwright.cli.study_labels_text import label_plan_text
    from fitwright.scaling.design.label_plan import LabelPlan
    from fitwright.scaling.design.plan import Plan

    if isinstance(plan, LabelPlan):
        return label_plan_text(plan, folder)
    if not isinstance(plan, Plan):
        raise TypeError(f"no text for a plan of {plan.kind}")
    return _corpus_plan_text(plan, folder)


def runs_text(runs: Sequence[FinishedRun], folder: Path) -> str:
    """The finished cells of either kind."""
    from fitwright.cli.study_labels_text import label_runs_text
    from fitwright.study.labels.table import LabelRun
    from fitwright.study.table import CellRun

    labelled = [run for run in runs if isinstance(run, LabelRun)]
    if labelled:
        return label_runs_text(labelled, folder)
    return _corpus_runs_text([run for run in runs if isinstance(run, CellRun)], folder)


def _corpus_plan_text(plan: Plan, folder: Path) -> str:
    """The cells with their costs, the whole, the rules, what next."""
    from fitwright.cli.console import fitted_table
    from fitwright.reporting.tables import Column

    columns: list[Column[Cell]] = [
        Column(key="shape", title="Shape", value=lambda c: c.shape.name),
        Column(key="params", title="N", value=lambda c: c.parameters, text=format_count, numeric=True),
        Column(key="non-embedding", title="without embedding", value=lambda c: c.non_embedding,
               text=format_count, numeric=True, spare=2),
        Column(key="unique", title="Unique", value=lambda c: c.unique_tokens, text=format_count,
               numeric=True),
        Column(key="epochs", title="Epochs", value=lambda c: c.epochs, numeric=True),
        Column(key="ratio", title="D/N", value=lambda c: c.tokens / c.parameters,
               text=lambda v: f"{v:.2g}", numeric=True),
        Column(key="batch", title="Batch", value=lambda c: c.batch_blocks, numeric=True, spare=3),
        *cost_columns(),
    ]  # fmt: skip
    table, said = fitted_table(plan.cells, columns)
    corpus = plan.corpus
    heading = (
        f"{plan.model_family.title}s, {len(plan.cells)} cells; {format_count(corpus['training_tokens'])} "
        f"tokens to train on, {format_count(corpus['held_out_tokens'])} to judge by; vocabulary "
        f"{plan.vocabulary:,}, blocks of {plan.block}"
    )
    whole = f"{whole_text(plan)}; tokens for each parameter spread over {plan.spread:.0f}×"
    parts = [
        heading, "\n".join([table, *said]), whole,
        "The first is the largest: four times the compute of any other, left out of the fit to test it.",
        "\n".join(f"warning: {warning}" for warning in plan.warnings),
        f"{folder}: next, fitwright study run {folder}",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _corpus_runs_text(runs: Sequence[CellRun], folder: Path) -> str:
    """The finished cells with their losses."""
    from fitwright.cli.console import fitted_table
    from fitwright.reporting.tables import Column

    def loss(key: str, title: str, of: Any) -> Column[CellRun]:
        return Column(key=key, title=title, value=of, text=lambda v: f"{v:.3f}", numeric=True)

    columns: list[Column[CellRun]] = [
        Column(key="shape", title="Shape", value=lambda r: r.cell.shape.name),
        Column(key="params", title="N", value=lambda r: r.cell.parameters, text=format_count, numeric=True),
        Column(key="unique", title="Unique", value=lambda r: r.cell.unique_tokens, text=format_count,
               numeric=True),
        Column(key="epochs", title="Epochs", value=lambda r: r.cell.epochs, numeric=True),
        loss("loss", "Held out", lambda r: r.last.validation_loss),
        loss("best", "best epoch", lambda r: r.history.best.validation_loss),
        loss("train", "Trained on", lambda r: r.last.metrics["seen_loss"]),
        Column(key="recall", title="Recalled", value=lambda r: r.last.metrics.get("seen_recall"),
               text=lambda v: f"{v:.1%}", numeric=True, spare=1),
        Column(key="seconds", title="Time", value=lambda r: r.history.seconds, text=format_seconds,
               numeric=True, spare=2),
    ]  # fmt: skip
    table, said = fitted_table(runs, columns)
    return "\n".join([table, *said, "", f"{folder / 'runs.csv'}: next, fitwright study fit {folder}"])
