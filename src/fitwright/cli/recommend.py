"""``fitwright recommend``: from a wish to models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fitwright.selection.choices import Choice, Recommendation

_NAMED = 3


def recommend(
    task: Annotated[str, typer.Option(help="What it is for: text-classification, embeddings, translation …")],
    language: Annotated[str | None, typer.Option(help="A code such as en or zh, or multilingual.")] = None,
    seq: Annotated[
        int | None, typer.Option(help="Tokens in a row; 128, or a model's maximum where that is less.")
    ] = None,
    licence: Annotated[
        list[str] | None, typer.Option(help="A licence or 'permissive'; may be given several times.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu (this machine), cuda:N, auto, or a listed device, such as a100-80gb."),
    ] = None,
    budget: Annotated[str, typer.Option(help="Limits, such as latency-p95=100ms,memory=2GiB.")] = "",
    batch: Annotated[int, typer.Option(help="Rows in a batch.")] = 1,
    precision: Annotated[
        str | None, typer.Option(help="fp32, tf32, bf16, fp16, int8 or int4; else what suits the device.")
    ] = None,
    train_batch: Annotated[
        int | None, typer.Option(help="Rows of a fine-tuning step that has to fit the device too.")
    ] = None,
    train_precision: Annotated[
        str | None, typer.Option(help="Precision of that step; fp32 unless given.")
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(help="US dollars an hour of the device, for a price in the budget.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Compare on this one; else the one with most published figures.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Most rows of each table.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="The complete answer as JSON.")] = False,
) -> None:
    """Recommend models: the best published quality for the cost, and why each other model is out.

    Quality is what was published, with its source; a model without a figure reads unknown. Latency and
    memory are estimates. Nothing is downloaded. Exit code 1: no model may fit; the nearest and what to relax
    are named.

    Example: fitwright recommend --task text-classification --language en --budget size=100MB
    """
    from fitwright.api import recommend as verb
    from fitwright.cli.console import print_json, print_text

    found = verb.recommend(
        task, language=language, seq=seq, licence=tuple(licence or ()), device=device, budget=budget,
        batch=batch, precision=precision, train_batch=train_batch, train_precision=train_precision,
        price_per_hour=price_per_hour, benchmark=benchmark,
    )  # fmt: skip
    if as_json:
        print_json(found.as_json())
    else:
        print_text("\n\n".join(_sections(found, top)))
    if found.nearest is not None:
        raise typer.Exit(1)


def _sections(found: Recommendation, top: int) -> list[str]:
    parts, left_out = [_heading(found)], list[str]()
    if found.recommended:
        parts += [_table(found, found.recommended[:top], left_out), _reasons(found.recommended, top)]
    if found.beaten:
        parts.append("Beaten in quality and cost by one of these: " + _names(found.beaten, top))
    if found.unknown_quality:
        parts.append(_unknown(found, top, left_out))
    if found.unpriced:
        parts.append("Cost unknown, so not ranked: " + _names(found.unpriced, top))
    if found.rejected:
        parts.append(_rejected(found))
    if found.nearest is not None:
        parts.append(_nearest(found))
    parts.append("\n".join([*dict.fromkeys(left_out), _footnotes(found)]))
    return parts


def _heading(found: Recommendation) -> str:
    what = found.task if found.language is None else f"{found.task}, {found.language}"
    lines = [f"{what}: {_rows(found)} on {found.device.name}"]
    lines += [f"runs with {runtime}: {runtime.reason}" for runtime in found.runtimes]
    if found.benchmark is None:
        lines.append("quality: no figure was read for this task and language, so the order is by cost alone")
    else:
        lines.append(
            f"quality: {found.benchmark.measures}; "
            f"published for {found.covered} of the {found.candidates} models that come into question"
        )
    return "\n".join(lines)


def _rows(found: Recommendation) -> str:
    work = found.workload
    several = "" if work.batch == 1 else "s"
    if found.kept and {choice.spec.kind for choice in found.kept} <= {"vision", "cnn"}:
        return f"{work.batch} image{several}"
    return f"{work.batch} row{several} of {work.seq} tokens"


def _table(
    found: Recommendation, choices: Sequence[Choice], left_out: list[str], *, quality: bool = True
) -> str:
    """The table that the terminal has room for; what it leaves out is said in ``left_out``."""
    from fitwright.api import recommend as verb
    from fitwright.cli.console import fitted_table

    table, said = fitted_table(choices, verb.columns(found, quality=quality))
    left_out += said
    return table


def _reasons(choices: Sequence[Choice], top: int) -> str:
    lines = [f"{choice.spec.id}: {choice.reason}" for choice in choices[:top]]
    if len(choices) > top:
        lines.append(f"and {len(choices) - top} more on the front: --top")
    return "\n".join(lines)


def _names(choices: Sequence[Choice], top: int) -> str:
    more = f" and {len(choices) - top} more" if len(choices) > top else ""
    return ", ".join(choice.spec.id for choice in choices[:top]) + more


def _unknown(found: Recommendation, top: int, left_out: list[str]) -> str:
    count = len(found.unknown_quality)
    where = "" if found.benchmark is None else f" on {found.benchmark.title}"
    title = f"Quality unknown{where}: {count} {'model' if count == 1 else 'models'}, cheapest first"
    more = f"\nand {count - top} dearer: --top" if count > top else ""
    table = _table(found, found.unknown_quality[:top], left_out, quality=False)
    return f"{title}\n\n{table}{more}"


def _rejected(found: Recommendation) -> str:
    lines = [f"Rejected: {len(found.rejected)} models"]
    for constraint, count in found.killed_by.items():
        group = [one for one in found.rejected if one.killer.constraint == constraint]
        numeric = sorted(
            (one for one in group if one.killer.excess is not None), key=lambda one: one.killer.excess or 0.0
        )
        lines.append(f"  {constraint}: {count}")
        lines += [f"    {one.spec.id}: {one.killer.reason}" for one in numeric[:_NAMED]]
        if len(numeric) > _NAMED:
            lines.append(f"    and {len(numeric) - _NAMED} that miss by more")
    return "\n".join(lines)


def _nearest(found: Recommendation) -> str:
    nearest = found.nearest
    if nearest is None:
        return ""
    if nearest.rejection is None:
        title = "No model has all that was wished for."
    else:
        title = f"No model may fit. {nearest.rejection.spec.id} misses least:"
    return "\n".join([title, *(f"  {line}" for line in nearest.advice)])


def _footnotes(found: Recommendation) -> str:
    lines = [
        "~ estimated, not measured; may miss: the limit lies in the interval: measure. Cost: latency ÷ rows."
    ]
    if found.benchmark is not None:
        lines.append(found.benchmark.note)
        lines += _other_splits(found)
    if any(note.startswith("multilingual") for choice in found.kept for note in choice.notes):
        lines.append(
            f"Some are multilingual, and their source does not say whether {found.language} is among their "
            "languages: notes in --json."
        )
    if any(note.startswith("rows of ") for choice in found.kept for note in choice.notes):
        lines.append(f"Some take fewer than {found.workload.seq} tokens: they are priced at their maximum.")
    if "max-drop" in found.budget:
        lines.append("max-drop was not looked at: fit and compress measure what shrinking costs.")
    if any(choice.runtime.precision in ("int8", "int4") for choice in found.recommended):
        lines.append("Published figures are of unquantised models.")
    lines.append("Sources, intervals, every rejected model: --json.")
    return "\n".join(lines)


def _other_splits(found: Recommendation) -> list[str]:
    """Which figures of the front are of another split than most of them."""
    figures = [choice.figure for choice in found.recommended if choice.figure is not None]
    used = [figure.split for figure in figures]
    if not used:
        return []
    usual = max(dict.fromkeys(used), key=used.count)
    others = [f"{figure.model} ({figure.split} set)" for figure in figures if figure.split != usual]
    return [f"All figures are of the {usual} set but: {', '.join(others)}."] if others else []
