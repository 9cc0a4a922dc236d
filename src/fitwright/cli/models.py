"""``fitwright models``: the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer


def models(
    search: Annotated[str | None, typer.Option(help="Part of an id, name or family.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="encoder, decoder, encoder-decoder, vision, multimodal, cnn or rnn.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="A task, such as text-classification, or a word such as ner.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="A code such as en or zh, or multilingual.")] = None,
    licence: Annotated[str | None, typer.Option(help="Part of its name, or permissive.")] = None,
    min_params: Annotated[str | None, typer.Option(help="Least parameters, such as 20M.")] = None,
    max_params: Annotated[str | None, typer.Option(help="Most parameters, such as 100M.")] = None,
    min_seq: Annotated[int | None, typer.Option(help="Tokens that a row may have at least.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Full rows as JSON.")] = False,
) -> None:
    """List the catalogue: sizes, exact parameter counts, licences.

    Example: fitwright models --kind encoder --language zh --max-params 50M
    """
    from fitwright.api import models as verb
    from fitwright.cli.console import fitted_table, print_json, print_text

    found = verb.models(
        search=search, kind=kind, task=task, language=language, licence=licence, min_params=min_params,
        max_params=max_params, min_seq=min_seq,
    )  # fmt: skip
    shown = found[:limit]
    if as_json:
        print_json([verb.row_json(spec) for spec in shown])
        return
    if not shown:
        print_text("No model passes all of these filters.")
        return
    table, left_out = fitted_table(shown, verb.columns())
    count = f"{len(shown)} of {len(found)} models. A '?' after a licence: no source for it was read."
    print_text("\n".join([table, "", count, *left_out]))
