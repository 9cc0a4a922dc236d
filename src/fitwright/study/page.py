"""A fitted study as a page: the size to choose, the plots, the law and its rivals, the turn, the doubts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fitwright.core.units import format_count
from fitwright.reporting.blocks import Block, Bullets, Cell, Column, Section, Table, Text, Tile, Tiles
from fitwright.reporting.page import Page
from fitwright.reporting.wording import NONE
from fitwright.scaling.fitted import CandidateError, FittedStudy, read_study
from fitwright.scaling.turn import Turns
from fitwright.study.answers import Answer, answers
from fitwright.study.labels.fitting import read_curves
from fitwright.study.labels.page import labels_page
from fitwright.study.ladder_runs import LadderRun, is_study, read_ladder
from fitwright.study.memorisation import memorisation_section
from fitwright.study.plots import loss_against_compute, loss_against_size, size_against_compute
from fitwright.study.target import target_section

_MOST_TURNS = 12


def page_of_file(path: Path) -> Page:
    """The page of what ``study fit`` wrote; in a study's folder with the curves of its runs.

    Raises:
        UsageError: no result of ``study fit``.
    """
    curves = read_curves(path)
    if curves is not None:
        return labels_page(curves, root=path.parent)
    found = read_study(path)
    ladder = read_ladder(path.parent) if is_study(path.parent) else ()
    return study_page(found, name=path.name, ladder=ladder)


def study_page(study: FittedStudy, *, name: str, ladder: Sequence[LadderRun] = ()) -> Page:
    """The page of a study.

    Args:
        name: what to call it where the file of its runs is not known.
        ladder: the runs with their curves, where the study was trained here.
    """
    found = answers(study)
    versions = study.provenance.get("versions", {})
    parts = (
        _recommended(found), target_section(study, ladder), _plots(study), memorisation_section(ladder),
        _turn(study.turns), _law(study), _notes(study),
    )  # fmt: skip
    return Page(
        title=str(study.settings.get("file", name)),
        kind="size study",
        headline=_headline(found),
        made_at=str(study.provenance.get("made_at") or ""),
        made_by=f"fitwright {versions['fitwright']}" if "fitwright" in versions else "fitwright",
        top=_top(study),
        sections=tuple(part for part in parts if part is not None),
    )


def _headline(found: tuple[Answer, ...]) -> str:
    first = next((a for a in found if a.best is not None), None)
    if first is None or first.best is None:
        return "This ladder cannot carry a recommendation"
    best = first.best
    return (
        f"{format_count(best.size)} parameters, trained on {format_count(best.data)} tokens: "
        f"{first.question[:1].lower()}{first.question[1:]}"
    )


def _top(study: FittedStudy) -> tuple[Block, ...]:
    runs = study.runs
    held = "unknown" if study.heldout_error is None else _percent(study.heldout_error)
    span = runs.flops.max() / runs.flops.min()
    tiles = (
        _tile("Law", study.law.name, study.law.formula),
        _tile("Off on runs left out", held, study.heldout_scheme),
        _tile("Runs", f"{len(runs):,}", f"{span:,.0f}× in compute"),
        _tile("Sizes", f"{format_count(runs.size.min())} – {format_count(runs.size.max())}", _counts(study)),
    )
    warnings = tuple(Text(warning, "warning") for warning in study.warnings)
    return (Tiles(tiles), *warnings)


def _tile(title: str, value: str, note: str) -> Tile:
    return Tile(title, "", value, "", note)


def _counts(study: FittedStudy) -> str:
    kind = study.runs.size_kind
    return "whether embeddings count is not said" if kind == "unstated" else f"{kind} parameters"


def _recommended(found: tuple[Answer, ...]) -> Section:
    numeric = ("Parameters", "Tokens", "Epochs", "Tokens a parameter", "FLOPs", "Loss")
    columns = (Column("Question", wide=True), *(Column(title, numeric=True) for title in numeric))
    rows = tuple(_answer_row(answer) for answer in found)
    table = Table(columns, rows, "What the law recommends", strong=0)
    lead = (
        "Losses are predictions; below each stands the interval that 95 % of back-tested predictions of "
        "such a reach "
        "kept. A question that lies too far outside the ladder has no answer."
    )
    return Section("recommended", "Which size, and what more would buy", (table,), lead, "Recommendation")


def _answer_row(answer: Answer) -> tuple[Cell, ...]:
    best = answer.best
    if best is None:
        return (Cell(answer.question, answer.reason), *(NONE for _ in range(6)))
    loss = Cell(f"{best.loss:.3f}", mark="estimated")
    if answer.prediction is not None:
        low, high = answer.prediction.interval
        loss = Cell(f"{best.loss:.3f}", f"{low:.3f} – {high:.3f}", "estimated")
    return (
        Cell(answer.question, answer.reason), Cell(format_count(best.size)),
        Cell(format_count(best.data)), Cell(f"{best.epochs:.3g}"), Cell(f"{best.data / best.size:.3g}"),
        Cell(f"{best.flops:.2e}".replace("e+", "e")), loss,
    )  # fmt: skip


def _plots(study: FittedStudy) -> Section:
    made = (loss_against_compute(study), loss_against_size(study), size_against_compute(study))
    return Section("plots", "Loss, size and compute", tuple(f for f in made if f is not None), short="Plots")


def _law(study: FittedStudy) -> Section:
    rows = []
    for name, value in study.parameters.items():
        low, high = study.intervals.get(name, (None, None))
        span = NONE if low is None else Cell(f"{low:.5g} – {high:.5g}")
        rows.append((Cell(name), Cell(f"{value:.5g}"), span))
    numbers = Table(
        (Column("Number"), Column("Value", numeric=True), Column("95 % interval", numeric=True)), tuple(rows),
        "The numbers, with bootstrap intervals",
    )  # fmt: skip
    order = sorted(study.candidates, key=lambda c: float("inf") if c.error is None else c.error)
    titles = ("Numbers", "Held out", "by compute", "by size", "by data", "Inside")
    rivals = Table(
        (Column("Law"), *(Column(title, numeric=True) for title in titles)),
        tuple(_candidate_row(candidate) for candidate in order), "Forms that were tried: mean relative error",
        strong=next((i for i, c in enumerate(order) if c.law == study.law.name), None),
    )  # fmt: skip
    lead = (
        f"{study.law.formula}, fitted by Huber's loss on log residuals. The form was chosen by what it "
        f"foretells of "
        "the largest runs when they are left out, not by how well it fits."
    )
    return Section("law", "The law", (numbers, rivals), lead)


def _candidate_row(candidate: CandidateError) -> tuple[Cell, ...]:
    errors = (candidate.error, *(candidate.by_axis.get(axis) for axis in ("compute", "size", "data")))
    cells = (NONE if e is None else Cell(_percent(e), sort=e) for e in (*errors, candidate.inside))
    return (Cell(candidate.law, candidate.formula), Cell(str(candidate.numbers)), *cells)


def _turn(found: Turns | None) -> Section | None:
    if found is None:
        return None
    columns = (
        Column("Unique tokens", numeric=True), Column("Best size run", numeric=True), Column("Its loss",
        numeric=True), Column("Sizes run", numeric=True), Column("Turn seen"),
        Column("Associative memory: N = 8.6e-10·U²", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(format_count(t.unique)), Cell(format_count(t.best)), Cell(f"{t.loss:.3f}"),
            Cell(str(t.sizes)), Cell("yes", mark="yes") if t.turned else Cell("no larger size was run",
            mark="muted"), Cell(format_count(t.memory_size), mark="muted"),
        )
        for t in found.turns[-_MOST_TURNS:]
    )  # fmt: skip
    slope = (
        ""
        if found.exponent is None
        else f" Through those seen, best N goes as U to the {found.exponent:.2f}."
    )
    lead = (
        "For each amount of unique tokens the size whose best run has the lowest loss: beyond the turn a "
        "larger model "
        f"memorises.{slope} The last column is a diagnostic from the literature, read from three sizes "
        f"between 40 and "
        "80 million parameters, and no rule (Niu et al. 2024)."
    )
    return Section("turn", "When a larger model stops paying", (Table(columns, rows),), lead, "The turn")


def _notes(study: FittedStudy) -> Section:
    lines = (
        f"Objective: {study.objective:.9g}, the sum of Huber's loss (delta 0.001) of the log residuals.",
        "Bootstrap intervals say how sure the numbers are if the form is right; they are no intervals of "
        "a prediction.",
        "FLOPs are 6·N·D; attention's own products are left out.",
        "Tokens of a size are not rounded: the lowest point is flat, and half or twice the size costs "
        "little.",
    )
    return Section("notes", "How the numbers were obtained", (Bullets(lines),), short="Notes")


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"
