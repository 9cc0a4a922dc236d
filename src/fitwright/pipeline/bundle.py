"""A bundle: a model directory with the engine that serves, the report's place, and the dependency lock."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fitwright.core.files import new_directory, plain_os_errors, write_json, write_text
from fitwright.environment.lock import lock_text
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.spec.record import Record

LOCK_NAME = "environment.lock"


def assemble(
    model: Path,
    engine: Path,
    output: Path,
    *,
    parent: Manifest,
    records: tuple[Record, ...],
    settings: dict[str, Any],
    provenance: dict[str, Any],
    stage: str = "fit",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Put the student's model directory and its engine together in ``output``, whole or not at all.

    Args:
        model: model directory with the weights that the engine was exported from.
        engine: the folder that ``export`` made of it, with ``engines/``.
        parent: the model directory's manifest; labels, data, seed and origin are taken from it.
        records: what was measured.
        more: further JSON files by name.
    """
    built = Manifest.read(engine)
    with new_directory(output) as work, plain_os_errors("write", output):
        shutil.copytree(model, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST_NAME))
        shutil.copytree(engine / "engines", work / "engines")
        write_text(work / LOCK_NAME, lock_text(closure_of=("fitwright",)))
        for name, content in (more or {}).items():
            write_json(work / name, content)
        replace(
            parent, kind="bundle", stage=stage, settings=settings, provenance=provenance, records=records,
            made_from={**parent.made_from, "settings": dict(parent.settings)}, engines=built.engines,
            default_engine=built.default_engine,
        ).write(work)  # fmt: skip
