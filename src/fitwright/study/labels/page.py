"""The page of a labelled study: the answer, the learning curves, the laws, regularisation, the runs."""

from __future__ import annotations

from pathlib import Path

from fitwright.core.units import format_count
from fitwright.reporting.blocks import (
    Block,
    Bullets,
    Cell,
    Code,
    Column,
    Folded,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
)
from fitwright.reporting.page import Page
from fitwright.reporting.wording import NONE
from fitwright.study.labels.answers import TIMES, Promise, best_at_hand, promises
from fitwright.study.labels.curves import Curve, LearningCurves
from fitwright.study.labels.fitting import is_labelled, read_label_plan
from fitwright.study.labels.hand_over import commands
from fitwright.study.labels.plots import learning_curves
from fitwright.study.labels.regularisation import effects
from fitwright.study.labels.wording import QUESTION, figure, headline, points, sentences, unfinished

_MANY = 30
"""Runs that are shown without being asked for."""


def labels_page(curves: LearningCurves, *, root: Path) -> Page:
    """The page of a study of labelled data.

    Args:
        root: the study folder, for the command that goes on from it; left out where it is none.
    """
    versions = curves.provenance.get("versions", {})
    parts = (
        _answer(curves), Section("curves", "Learning curves", (learning_curves(curves),)), _laws(curves),
        _regularisation(curves), _runs(curves), _next(curves, root), _notes(curves),
    )  # fmt: skip
    return Page(
        title=str(curves.settings.get("file", root.name)), kind="study of labelled data",
        headline=headline(curves), made_at=str(curves.provenance.get("made_at") or ""),
        made_by=f"fitwright {versions['fitwright']}" if "fitwright" in versions else "fitwright",
        top=_top(curves), sections=tuple(part for part in parts if part is not None),
    )  # fmt: skip


def _top(curves: LearningCurves) -> tuple[Block, ...]:
    data, best = curves.data, best_at_hand(curves)
    least = min(row.rows for row in curves.rows)
    tiles = (
        Tile("Labels at hand", "", f"{curves.labels:,}", "",
             f"from {least:,} up, {curves.labels / least:.3g}×"),
        Tile("Best encoder there", "", best.encoder, "", f"{format_count(best.parameters)} parameters"),
        Tile(f"Its {curves.measure}", "", figure(curves.measure, curves.value(best.at_hand)), "",
             f"guessing: {figure('error', data['guessing_error'])} error"),
        Tile("Runs", "", f"{len(curves.rows):,}", "", f"{curves.held_out:,} held-out rows judge"),
    )  # fmt: skip
    left = unfinished(curves)
    return (Tiles(tiles), Text(left, "warning")) if left else (Tiles(tiles),)


def _answer(curves: LearningCurves) -> Section:
    columns = (
        Column("Encoder"), Column("Parameters", numeric=True),
        Column(f"On {curves.labels:,}", numeric=True), Column("By its law", numeric=True),
        *(Column(f"{times:g}× labels", numeric=True) for times in TIMES),
        Column("Back-tests off", numeric=True),
    )  # fmt: skip
    rows = tuple(_promise_row(curves, promise) for promise in promises(curves))
    best = best_at_hand(curves)
    table = Table(columns, rows, "Measured at hand, predicted beyond; below each its interval",
                  strong=[p.curve for p in promises(curves)].index(best))  # fmt: skip
    lead = (
        "Intervals of measured errors are of the held-out rows alone; of predictions, what 95 % of "
        "back-tested ones of such a reach kept. Sentences below say it in words."
    )
    return Section("answer", QUESTION, (table, Bullets(sentences(curves))), lead, "Answer")


def _promise_row(curves: LearningCurves, promise: Promise) -> tuple[Cell, ...]:
    measure, curve = curves.measure, promise.curve
    low, high = curves.interval(promise.measured)
    span = f"{figure(measure, low)} – {figure(measure, high)}" if measure == "error" else ""
    found = [
        Cell(curve.encoder), Cell(format_count(curve.parameters), sort=curve.parameters),
        Cell(figure(measure, curves.value(promise.measured)), span),
        NONE if promise.now is None else Cell(figure(measure, promise.now), mark="estimated"),
    ]  # fmt: skip
    for more in promise.more:
        if more.prediction is None or more.gain is None:
            reason = "" if promise.now is None else more.reason  # why there is no law stands with the laws
            found.append(Cell("no answer", reason, "muted"))
            continue
        low, high = more.prediction.interval
        bought = f"{points(measure, max(0.0, more.gain))} less"
        found.append(Cell(
            figure(measure, more.prediction.loss),
            f"{figure(measure, low)} – {figure(measure, high)}; {bought}", "estimated",
        ))  # fmt: skip
    error = None if curve.law is None else curve.law.heldout_error
    return (*found, NONE if error is None else Cell(f"{100 * error:.1f} %", sort=error))


def _laws(curves: LearningCurves) -> Section:
    names = ("E", "B", "beta")
    columns = (
        Column("Encoder"),
        *(Column(name, numeric=True) for name in names),
        Column("Warnings", wide=True),
    )
    rows = tuple(_law_row(curve, names) for curve in curves.curves)
    lead = (
        f"{curves.measure} = E + B/n^beta, n the labelled rows: what is left with labels without end, and "
        "how fast it is neared. Below each number the middle 95 % of bootstraps: how sure it is if the form "
        "is right."
    )
    return Section("laws", "The laws", (Table(columns, rows),), lead)


def _law_row(curve: Curve, names: tuple[str, ...]) -> tuple[Cell, ...]:
    out = ", ".join(map(str, curve.left_out))
    flat = [f"no better than guessing, not in the law: {out} labels"] if out else []
    if curve.law is None:
        return (Cell(curve.encoder), *(NONE for _ in names), Cell(curve.refused, "; ".join(flat)))
    cells = []
    for name in names:
        low, high = curve.law.intervals.get(name, (None, None))
        cells.append(
            Cell(f"{curve.law.parameters[name]:.3g}", "" if low is None else f"{low:.3g} – {high:.3g}")
        )
    return (Cell(curve.encoder), *cells, Cell("; ".join([*flat, *curve.law.warnings])))


def _regularisation(curves: LearningCurves) -> Section | None:
    found = effects(curves.rows)
    if not found:
        return None
    settings = list(dict.fromkeys(setting for effect in found for setting in effect.errors))
    columns = (
        Column("Encoder"), Column("Labels", numeric=True),
        *(Column(setting_name(setting), numeric=True, group="Held-out error") for setting in settings),
        Column("Bought", numeric=True),
    )  # fmt: skip
    rows = []
    for effect in found:
        cells = [
            Cell(figure("error", effect.errors[s]), mark="chosen" if s == effect.best else "")
            if s in effect.errors else NONE for s in settings
        ]  # fmt: skip
        rows.append((Cell(effect.model), Cell(f"{effect.rows:,}", sort=effect.rows), *cells,
                     Cell(points("error", effect.bought), sort=effect.bought)))  # fmt: skip
    noise = 1.96 * (2 * 0.25 / curves.held_out) ** 0.5
    lead = (
        "The mean over draws, each at the epochs that validation preferred; the lowest of a row is marked. "
        f"Bought: by how much it is below the first. Of {curves.held_out:,} held-out rows up to "
        f"{points('error', noise)} are chance."
    )
    table = Table(columns, tuple(rows), sortable=True)
    return Section("regularisation", "What regularisation bought", (table,), lead, "Regularisation")


def setting_name(setting: tuple[str, str]) -> str:
    """``dropout 0.1, decay 0.01``."""
    return f"dropout {setting[0] or 'own'}, decay {setting[1]}"


def _runs(curves: LearningCurves) -> Section:
    numeric = ("Labels", "Draw", "Epochs", "Accuracy", "Held-out loss", "Loss trained on", "Validation")
    columns = (Column("Encoder"), *(Column(title, numeric=True) for title in numeric))
    preferred = {run.cell for curve in curves.curves for run in curve.runs}
    rows = tuple(
        (
            Cell(row.model, mark="chosen" if row.cell in preferred else ""),
            Cell(f"{row.rows:,}", sort=row.rows), Cell(str(row.draw + 1)), Cell(str(row.epochs)),
            Cell(f"{1 - row.error:.1%}", sort=1 - row.error), Cell(f"{row.loss:.3f}"),
            Cell(f"{row.train_loss:.3f}"), Cell(f"{row.validation_accuracy:.1%}"),
        )
        for row in sorted(curves.rows, key=lambda r: (r.parameters, r.rows, r.epochs, r.draw))
    )  # fmt: skip
    caption = "Marked: what validation preferred for that amount and draw; the laws are fitted to these"
    table = Table(columns, rows, caption, sortable=True)
    blocks: tuple[Block, ...] = (table,)
    if len(rows) > _MANY:
        blocks = (Folded(f"All {len(rows)} runs", blocks),)
    return Section("runs", "The runs", blocks, short="Runs")


def _next(curves: LearningCurves, root: Path) -> Section | None:
    if not is_labelled(root):
        return None
    best = best_at_hand(curves)
    lines = commands(root, read_label_plan(root), best)
    lead = f"{best.encoder} as its best run was trained, on all labels of the file."
    return Section("next", "Go on from here", (Code(lines),), lead, "Next")


def _notes(curves: LearningCurves) -> Section:
    data = curves.data
    lines = (
        f"{data['rows']:,} rows of {data['path']}; {data['repeats']:,} that repeat a text and "
        f"{data['conflicts']:,} whose text has several labels were left out before the split.",
        f"Training, validation and held-out rows were parted by a hash of their text; "
        f"{data['validation_rows']:,} validation rows chose epochs and regularisation, beside the labels.",
        "Amounts are nested: each holds the smaller ones of its draw, with the classes' shares.",
        "Held-out errors of neighbouring amounts share their rows, and so what is hard in them.",
        "A law holds for these data, this recipe and this encoder; another kind of label has another curve.",
    )
    return Section("notes", "How the numbers were obtained", (Bullets(lines),), short="Notes")
