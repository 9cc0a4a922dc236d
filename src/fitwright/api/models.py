"""``fitwright.models``: the catalogue, filtered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, get_args

from fitwright.core.errors import UsageError
from fitwright.core.units import parse_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitwright.reporting.tables import Column
    from fitwright.spec.model import ModelSpec


def models(
    *,
    kind: str | None = None,
    task: str | None = None,
    language: str | None = None,
    licence: str | None = None,
    min_params: int | str | None = None,
    max_params: int | str | None = None,
    min_seq: int | None = None,
    search: str | None = None,
) -> tuple[ModelSpec, ...]:
    """Catalogue models that pass every given filter, in the catalogue's order.

    Args:
        kind: ``encoder``, ``decoder``, ``encoder-decoder``, ``vision``, ``multimodal``, ``cnn`` or ``rnn``.
        task: a Hugging Face task, such as ``text-classification``, or an everyday word, such as ``ner``.
        language: a code such as ``zh``, matched against the languages that a source lists; ``multilingual``.
        licence: part of the licence's name, or the group ``permissive``.
        min_params, max_params: least and most parameters: a number, or text such as ``"100M"``.
        min_seq: tokens that a row may have at least, as the model's source states its limit; a model without
            a limit passes, an image model does not.
        search: part of the id, name or family.

    Raises:
        UsageError: a filter's value is none that the catalogue knows (the known ones are listed).
    """
    from fitwright.catalog import store
    from fitwright.selection.filters import EVERYDAY_TASKS, LICENCE_GROUPS, languages, licence_parts
    from fitwright.spec.model import Kind

    found = store.load_all()
    if kind is not None:
        _check("kind", kind, get_args(Kind))
        found = tuple(spec for spec in found if spec.kind == kind)
    if task is not None:
        task = EVERYDAY_TASKS.get(task.strip().lower(), task)
        _check("task", task, sorted({name for spec in store.load_all() for name in spec.tasks}))
        found = tuple(spec for spec in found if task in spec.tasks)
    if language is not None:
        code = language.lower()
        _check("language", code, sorted({c for spec in store.load_all() for c in languages(spec)}))
        found = tuple(spec for spec in found if code in languages(spec))
    if licence is not None:
        if not any(_has_licence(spec, licence) for spec in store.load_all()):
            known = {part for spec in store.load_all() for part in licence_parts(spec)}
            _check("licence", licence, [*LICENCE_GROUPS, *sorted(known)])
        found = tuple(spec for spec in found if _has_licence(spec, licence))
    least = 0 if min_params is None else parse_count(min_params)
    most = math.inf if max_params is None else parse_count(max_params)
    if least > most:
        raise UsageError("the least size is above the most", got=f"{min_params} and {max_params}")
    found = tuple(spec for spec in found if least <= spec.parameters <= most)
    if min_seq is not None:
        found = tuple(spec for spec in found if _takes(spec, min_seq))
    if search is not None:
        found = tuple(
            spec for spec in found if search.lower() in f"{spec.id} {spec.name} {spec.family}".lower()
        )
    return found


def row_json(spec: ModelSpec) -> dict[str, Any]:
    """One model as plain values. An unconfirmed source leaves ``null``: it is no source."""
    from fitwright.catalog.store import is_confirmed

    facts = spec.facts
    licence_source, published_source = facts.get("licence_source"), facts.get("published_source")
    published = is_confirmed(published_source)
    return {
        "id": spec.id, "name": spec.name, "family": spec.family, "kind": spec.kind,
        "class": spec.architecture, "dims": dict(spec.dims),
        "parameters": {
            "total": spec.parameters, "embedding": spec.embedding_parameters,
            "published": facts.get("published_params") if published else None,
            "published_source": published_source if published else None,
        },
        "max_sequence_length": spec.max_sequence_length, "languages": list(spec.languages),
        "licence": spec.licence, "licence_source": licence_source if is_confirmed(licence_source) else None,
        "open_weights": spec.open_weights, "tasks": list(spec.tasks), "confidence": spec.confidence,
        "sources": list(spec.sources), "notes": spec.notes, "warning": spec.warning,
    }  # fmt: skip


def columns() -> tuple[Column[ModelSpec], ...]:
    """The catalogue's columns."""
    from fitwright.core.units import format_count
    from fitwright.reporting.tables import Column, shorten
    from fitwright.sizing.comparison import layers_text

    return (
        Column(key="id", title="Id", value=lambda spec: spec.id),
        Column(key="kind", title="Kind", value=lambda spec: spec.kind, spare=3),
        Column(key="layers", title="Layers", value=layers_text, numeric=True, spare=1),
        Column(
            key="hidden", title="Hidden", value=lambda spec: spec.dims.get("hidden"), numeric=True, spare=2
        ),
        Column(
            key="parameters", title="Parameters", value=lambda spec: spec.parameters, text=format_count,
            numeric=True,
        ),
        Column(key="max-seq", title="Max seq", value=lambda spec: spec.max_sequence_length, numeric=True),
        Column(key="licence", title="Licence", value=_licence, text=lambda value: shorten(value, 20)),
    )  # fmt: skip


def _licence(spec: ModelSpec) -> str | None:
    """The licence; with a question mark where no source for it was read."""
    from fitwright.catalog.store import is_confirmed

    if spec.licence is None:
        return None
    return spec.licence if is_confirmed(spec.facts.get("licence_source")) else f"{spec.licence} ?"


def _has_licence(spec: ModelSpec, wanted: str) -> bool:
    from fitwright.selection.filters import LICENCE_GROUPS, licence_allowed

    group = LICENCE_GROUPS.get(wanted.strip().lower())
    if group is not None:
        return licence_allowed(spec, group)
    return wanted.lower() in (spec.licence or "").lower()


def _takes(spec: ModelSpec, tokens: int) -> bool:
    if tokens < 1:
        raise UsageError("a row has at least one token", got=tokens)
    if spec.max_sequence_length is None:
        return spec.kind not in ("vision", "cnn")
    return spec.max_sequence_length >= tokens


def _check(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UsageError(f"no model has this {what}", got=value, allowed=", ".join(allowed))
