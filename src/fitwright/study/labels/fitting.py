"""From a labelled study's folder to its learning curves, and ``fit.json`` of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError, UsageError
from fitwright.core.files import read_json, sha256_file
from fitwright.core.progress import Progress
from fitwright.scaling.design.label_plan import LabelPlan
from fitwright.scaling.design.plan import LABELS, PLAN_NAME, read_plan_json
from fitwright.scaling.fit import AUTO
from fitwright.study.folder import StudyFolder
from fitwright.study.labels.curves import KIND, LAW, MEASURES, LearningCurves, fit_curves
from fitwright.study.labels.runs import read_rows


def is_labelled(root: Path) -> bool:
    """Whether a path is the folder of a study of labelled data."""
    return root.is_dir() and (root / PLAN_NAME).is_file() and read_plan_json(root)["kind"] == LABELS


def read_label_plan(root: Path) -> LabelPlan:
    """The plan of such a folder."""
    return LabelPlan.from_json(read_plan_json(root), root)


def fit_folder(
    root: Path, *, law: str, columns: Mapping[str, str | None], fixed: Mapping[str, float], bootstraps: int,
    seed: int, provenance: Mapping[str, Any], progress: Progress,
) -> LearningCurves:  # fmt: skip
    """Fit a law to each encoder's runs.

    Args:
        law: ``auto`` or ``data-only``. columns: as the user named them; of ``loss`` alone there is a choice:
            ``error`` (default) or ``loss``.

    Raises:
        DataError: no runs yet. UsageError: a law or column that is not for labelled data.
    """
    idle = [name for name, value in columns.items() if value is not None and name != "loss"]
    if law not in (AUTO, LAW) or fixed or idle:
        got = ", ".join([*idle, *fixed, *([law] if law not in (AUTO, LAW) else [])])
        raise UsageError(
            "a study of labelled data has one law, of the labels alone, for each encoder", got=got,
            allowed=f"--law {LAW}, --loss-column {' or '.join(MEASURES)}",
        )  # fmt: skip
    path = StudyFolder(root).runs
    if not path.is_file():
        raise DataError("the study has no runs yet", got=str(root), mend=f"Run: fitwright study run {root}")
    plan, rows = read_label_plan(root), read_rows(path)
    measure = columns.get("loss") or MEASURES[0]
    found = fit_curves(rows, plan.data, measure=measure, bootstraps=bootstraps, seed=seed, progress=progress)
    left = len(plan.cells) - len(rows)
    source = {"file": str(root), "sha256": sha256_file(path), "cells_left": left}
    return replace(found, settings={**found.settings, **source}, provenance=provenance)


def read_curves(path: Path) -> LearningCurves | None:
    """What ``study fit`` wrote of a labelled study; ``None`` where the file is of another kind of study."""
    data = read_json(path, what="study")
    if not isinstance(data, dict) or data.get("kind") != KIND:
        return None
    return LearningCurves.from_json(data)
