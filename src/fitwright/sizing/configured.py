"""A model known by its ``config.json`` alone: the spec of its class, counted once and remembered."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fitwright.catalog import config_file, local
from fitwright.core.errors import RunError
from fitwright.core.files import sha256_json, write_json
from fitwright.core.home import home
from fitwright.core.provenance import package_versions
from fitwright.sizing.building import Built, build
from fitwright.spec.model import ModelSpec

_VERSION = 1
"""Raised when the same file would be read otherwise than before: what older versions kept is made anew."""

_UNTIED = (
    "transformers 5 ties the output matrix of this type to the input's, where config.json says that the "
    "checkpoint keeps them apart: counted apart, as in the checkpoint"
)
_OWN_CODE = "the repository has code of its own (auto_map), which is not run: the library's class was counted"
_QUANTISED = "quantization_config: parameters are counted as before quantisation"


def model_of(values: Mapping[str, Any], *, source: str, model_id: str, title: str) -> ModelSpec:
    """The spec of the model that a ``config.json`` describes.

    The count is that of the class which ``architectures`` names first, or of the type's base class: built on
    the meta device, each shared tensor once, buffers excluded. It is kept in the user's folder.

    Args:
        values: what the file holds.
        source: names the file in errors, and is the spec's source.
        model_id, title: the spec's id and human name.

    Returns:
        A spec whose ``facts`` hold ``config`` (the file's content) and ``parts`` (parameters by part); its
        ``notes`` name the class defaults that stand in for what the file leaves out.

    Raises:
        UsageError: a field is missing or wrong, or transformers has no such type or class, or cannot build
            it.
        MissingExtraError: torch or transformers is not installed.
    """
    config_file.check(values, source)
    built = _kept(values) or _keep(values, build(values, source))
    warning = "" if built.parameters == built.built_parameters else _UNTIED
    notes = (
        built.defaults,
        _OWN_CODE if values.get("auto_map") else "",
        _QUANTISED if values.get("quantization_config") else "",
    )
    return ModelSpec(
        id=model_id,
        name=title,
        family=str(values["model_type"]),
        kind=built.kind,
        model_type=str(values["model_type"]),
        architecture=built.architecture,
        dims=built.sizes,
        parameters=built.parameters,
        embedding_parameters=built.embedding,
        max_sequence_length=built.longest,
        tasks=local.tasks_of(built.kind, built.architecture),
        sources=(source,),
        confidence="high",
        notes="; ".join(note for note in notes if note),
        warning=warning,
        facts=_facts(values, built, warning),
    )


def _facts(values: Mapping[str, Any], built: Built, warning: str) -> dict[str, Any]:
    """Named as in the catalogue's rows."""
    found: dict[str, Any] = {
        "config": dict(values), "built_class": built.architecture, "built_params": built.built_parameters,
        "built_with": f"transformers {package_versions(('transformers',)).get('transformers', 'unknown')}",
        "lm_head_tied": built.tied, "parts": built.parts,
    }  # fmt: skip
    if built.soft:
        found["max_sequence_note"] = built.soft
    if warning:
        found["warning"] = warning
    return found


def _place(values: Mapping[str, Any]) -> Path:
    versions = package_versions(("torch", "transformers"))
    return home() / "configs" / f"{sha256_json([values, versions, _VERSION])[:32]}.json"


def _kept(values: Mapping[str, Any]) -> Built | None:
    """What an earlier run found; ``None`` where there is nothing of use."""
    try:
        return Built(**json.loads(_place(values).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _keep(values: Mapping[str, Any], built: Built) -> Built:
    """Keep it for the next run. A folder that cannot be written is no reason to fail."""
    with contextlib.suppress(RunError, OSError):
        write_json(_place(values), asdict(built))
    return built
