"""What the models of a ladder memorised: losses on text that was trained on and on other, exact recall."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fitwright.core.units import format_count
from fitwright.reporting.blocks import Block, Cell, Column, Figure, Section, Table
from fitwright.reporting.charts.curves import SHADES, Axes, Series, chart
from fitwright.reporting.wording import NONE
from fitwright.study.ladder_runs import LadderRun

_FEWEST_EPOCHS = 4


def memorisation_section(runs: Sequence[LadderRun]) -> Section | None:
    """Curves and tables by amount of unique data; ``None`` where no run saw its data often."""
    repeated = [run for run in runs if run.epochs >= _FEWEST_EPOCHS]
    if not repeated:
        return None
    lead = (
        "The gap between the loss on held-out text and on text that was trained on is what does not "
        "carry over. A passage counts as recalled where greedy decoding gives all of it (an eighth of a "
        "block, after at least a quarter of one as context); the same share on held-out text is chance."
    )
    blocks: list[Block] = [_curves(group) for group in _longest(repeated)]
    blocks += [_table(repeated), _sizes(runs)]
    return Section("memorisation", "What was memorised", tuple(blocks), lead, "Memorised")


def _longest(runs: Sequence[LadderRun]) -> list[list[LadderRun]]:
    """For each amount of unique data the runs with most epochs, one a size, smallest size first."""
    by_data: dict[int, dict[int, LadderRun]] = defaultdict(dict)
    for run in runs:
        known = by_data[run.unique].get(run.size)
        if known is None or run.epochs > known.epochs:
            by_data[run.unique][run.size] = run
    return [[sizes[size] for size in sorted(sizes)] for _, sizes in sorted(by_data.items())]


def _curves(runs: Sequence[LadderRun]) -> Figure:
    """Held-out loss (solid) and loss on trained text (dashed) after each epoch."""
    series = []
    for place, run in enumerate(runs):
        shade = SHADES - 1 if len(runs) == 1 else round(place * (SHADES - 1) / (len(runs) - 1))
        for losses, dashed in ((run.heldout, False), (run.trained, True)):
            points = tuple((float(epoch), loss) for epoch, loss in enumerate(losses, start=1))
            name = "" if dashed else f"{format_count(run.size)} parameters"
            series.append(Series(name=name, points=points, shade=shade, curve=True, dashed=dashed))
    title = f"Loss after each epoch over {format_count(runs[0].unique)} unique tokens"
    axes = Axes(x="epochs", y="loss, nats a token")
    wide, narrow = chart(title, series, axes), chart(title, series, axes, width=400, height=360)
    caption = f"{title}: solid on held-out text, dashed on text that was trained on; darker is larger."
    return Figure(wide, narrow, caption)


def _table(runs: Sequence[LadderRun]) -> Table:
    numeric = (
        "Unique tokens", "Parameters", "Epochs", "Held out, at the end", "Best epoch", "Its loss",
        "Trained on", "Gap", "Recalled", "by chance",
    )  # fmt: skip
    rows = []
    for run in sorted(runs, key=lambda r: (r.unique, r.epochs, r.size)):
        rows.append((
            Cell(format_count(run.unique), sort=run.unique), Cell(format_count(run.size), sort=run.size),
            Cell(str(run.epochs)), Cell(f"{run.loss:.3f}"), Cell(str(run.heldout.index(run.best) + 1)),
            Cell(f"{run.best:.3f}"), Cell(f"{run.trained[-1]:.3f}"),
            Cell(f"{run.loss - run.trained[-1]:.3f}"), _share(run.recall), _share(run.heldout_recall),
        ))  # fmt: skip
    columns = tuple(Column(title, numeric=True) for title in numeric)
    return Table(columns, tuple(rows), "Runs that saw their data four times or more", sortable=True)


def _sizes(runs: Sequence[LadderRun]) -> Table:
    """For each amount of data and number of epochs, each size's loss: where the larger one stops winning."""
    sizes = sorted({run.size for run in runs})
    cells: dict[tuple[int, int], dict[int, LadderRun]] = defaultdict(dict)
    for run in runs:
        cells[run.unique, run.epochs][run.size] = run
    rows = []
    for (unique, epochs), found in sorted(cells.items()):
        if len(found) < 2:
            continue
        least = min(run.loss for run in found.values())
        row = [Cell(format_count(unique)), Cell(str(epochs))]
        row += [_loss(found[size], least) if size in found else NONE for size in sizes]
        rows.append(tuple(row))
    columns = (
        Column("Unique tokens", numeric=True), Column("Epochs", numeric=True),
        *(Column(f"{format_count(size)}", numeric=True, group="Held-out loss by parameters")
          for size in sizes),
    )  # fmt: skip
    return Table(columns, tuple(rows), "Held-out loss at equal epochs; the lowest of a row is marked")


def _loss(run: LadderRun, least: float) -> Cell:
    best = "" if run.epochs == 1 else f"best epoch {run.best:.3f}"
    return Cell(f"{run.loss:.3f}", best, "chosen" if run.loss == least else "")


def _share(value: float | None) -> Cell:
    return NONE if value is None else Cell(f"{value:.1%}", sort=value)
