"""What cells from scratch start from, and the data that they are trained on, as a source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fitwright.core.files import write_json
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.scaling.design.families import Family
from fitwright.scaling.design.shapes import Shape
from fitwright.study.folder import StudyFolder


@dataclass(frozen=True, kw_only=True)
class Part:
    """The first tokens or rows of a study's data, as the source of a run's rows."""

    path: Path
    fingerprint: str
    rows: int


def write_start(folder: StudyFolder, family: Family, shape: Shape, vocabulary: int, length: int) -> Path:
    """Configuration and tokenizer of a model from scratch, written where they are not there yet.

    Args:
        length: tokens of a block or row.
    """
    target = folder.root / "starts" / shape.name.replace("/", "-")
    if not (target / "config.json").is_file():
        target.mkdir(parents=True, exist_ok=True)
        copy_tokenizer(folder.tokenizer, target)
        write_json(target / "config.json", family.config(shape, vocabulary, length))
    return target
