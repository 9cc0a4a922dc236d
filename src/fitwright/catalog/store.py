"""The catalogue's own data file as :class:`ModelSpec` values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fitwright.core.errors import UnknownModelError
from fitwright.spec.model import ModelSpec

_DATA = Path(__file__).with_name("data")
_ID_START = '{"id": "'


@lru_cache(maxsize=1)
def _lines() -> Mapping[str, str]:
    """Id → its line, in the file's order. Only the id is read from a line: every line starts with it."""
    text = (_DATA / "models.jsonl").read_text(encoding="utf-8")
    start = len(_ID_START)
    return {line[start : line.index('"', start)]: line for line in text.splitlines() if line}


def ids() -> tuple[str, ...]:
    """Every catalogue id, in the file's order."""
    return tuple(_lines())


@lru_cache(maxsize=1)
def aliases() -> Mapping[str, str]:
    """Everyday name, in lower case → catalogue id."""
    found: dict[str, str] = json.loads((_DATA / "aliases.json").read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=512)
def load(model_id: str) -> ModelSpec:
    """The model with exactly that catalogue id, or :class:`UnknownModelError`."""
    line = _lines().get(model_id)
    if line is None:
        raise UnknownModelError(model_id)
    return spec_from_row(json.loads(line))


def load_all() -> tuple[ModelSpec, ...]:
    """Every model of the catalogue, in the file's order."""
    return tuple(load(model_id) for model_id in _lines())


def is_confirmed(source: object) -> bool:
    """True for a source that somebody read; a text with "unconfirmed" in it is none."""
    return bool(source) and "unconfirmed" not in str(source)


def spec_from_row(row: Mapping[str, Any]) -> ModelSpec:
    """One line of ``models.jsonl`` as a spec. The whole line stays in ``facts``, unconfirmed texts too."""
    return ModelSpec(
        id=row["id"],
        name=row["name"],
        family=row["family"],
        kind=row["kind"],
        model_type=row["model_type"],
        architecture=row["architecture"],
        dims=dict(_flat(row["dims"])),
        parameters=row["params"],
        embedding_parameters=row["input_embedding_params"],
        max_sequence_length=row["max_sequence_length"],
        languages=tuple(row["languages"]),
        licence=row["licence"],
        open_weights=row["open_weights"],
        tasks=tuple(row["tasks"]),
        sources=tuple(source for source in row["source"] if is_confirmed(source)),
        confidence=row["confidence"],
        notes=row.get("notes", ""),
        warning=row.get("warning", ""),
        facts=row,
    )


def _flat(dims: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    """Whole numbers by name; the towers of a multimodal model get ``text_`` and ``vision_`` before theirs."""
    for name, value in dims.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}_")
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{prefix}{name}", value
