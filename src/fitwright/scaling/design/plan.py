"""The plan of a study: which cells to train, how, and what they will cost. ``study.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.scaling.design.families import Family, family_of
from fitwright.scaling.design.shapes import Shape

SCHEMA = 1
PLAN_NAME = "study.json"
FIT, TARGET = "fit", "target"
CORPUS, LABELS = "corpus", "labels"
"""What a study is of: plain text that models of a family are trained on, or labelled rows."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the ladder.

    Attributes:
        name: of its folder and its row. shape: of its model.
        parameters, non_embedding: N with and without the input embedding.
        unique_tokens: U, different ones; tokens: D = U × epochs.
        batch_blocks: of an optimiser step. learning_rate: peak.
        flops, seconds, memory_bytes: predicted: of the training products; on one thread; of the process.
        role: ``fit``, or ``target``: the largest, left out of the fit to be predicted by it.
    """

    name: str
    shape: Shape
    parameters: int
    non_embedding: int
    unique_tokens: int
    epochs: int
    batch_blocks: int
    learning_rate: float
    flops: float
    seconds: float
    memory_bytes: int
    role: str = FIT

    @property
    def tokens(self) -> int:
        """D: tokens seen, repeats counted."""
        return self.unique_tokens * self.epochs

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cell:
        return cls(**{**data, "shape": Shape(**data["shape"])})


class PlannedCell(Protocol):
    """What every kind of cell has."""

    @property
    def name(self) -> str: ...

    @property
    def flops(self) -> float: ...

    @property
    def seconds(self) -> float: ...


class StudyPlan:
    """What the plans of all kinds share; no plan by itself.

    Attributes:
        kind: what the study is of; ``study.json`` says it.
        cells: the runs. speed: of the machine: how many of them side by side, and how measured.
        warnings: what weakens the ladder. provenance: recorded with each cell.
    """

    kind: ClassVar[str]
    cells: tuple[Any, ...]
    speed: Mapping[str, Any]
    warnings: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def workers(self) -> int:
        """Runs side by side, a thread each."""
        return int(self.speed["workers"])

    @property
    def seconds(self) -> float:
        """Predicted for the whole study: all cells' seconds over the workers, or the longest cell alone.

        One after the other, cells have all threads; ``threads_worth`` says what these are worth, where known.
        """
        seconds = [float(cell.seconds) for cell in self.cells]
        if self.workers == 1:
            return sum(seconds) / float(self.speed.get("threads_worth", 1.0))
        return max(sum(seconds) / self.workers, max(seconds))

    @property
    def flops(self) -> float:
        return float(sum(cell.flops for cell in self.cells))

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": self.kind, **asdict(self)}  # type: ignore[call-overload]

    def write(self, folder: Path) -> None:
        """Write ``study.json``."""
        write_json(folder / PLAN_NAME, self.as_json())


def read_plan_json(folder: Path) -> dict[str, Any]:
    """``study.json`` of a folder, with its ``kind``.

    Raises:
        UsageError: there is none, or one of another version.
    """
    data = read_json(folder / PLAN_NAME, what="plan of a study")
    if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
        raise broken_plan(folder, "another version")
    return {"kind": CORPUS, **data}


def broken_plan(folder: Path, why: object) -> UsageError:
    """The error for a ``study.json`` that cannot be used."""
    return UsageError(
        f"{PLAN_NAME} is no plan of a study ({why})", got=str(folder / PLAN_NAME),
        mend="Run 'fitwright study design' again.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan(StudyPlan):
    """The ladder of a corpus: all cells and what they share.

    Attributes:
        family: name. vocabulary, block: tokens of the tokenizer and of a block. seed: of weights and order.
        corpus: file, fingerprint, documents, tokens to train on and held out.
        budget: what was asked for. speed: of the machine: how many runs side by side, and how measured.
        rules: how learning rate and batch were chosen, in words.
        dropout, weight_decay: regularisation of every cell.
    """

    kind: ClassVar[str] = CORPUS
    family: str
    vocabulary: int
    block: int
    seed: int
    corpus: Mapping[str, Any]
    budget: Mapping[str, Any]
    speed: Mapping[str, Any]
    rules: Mapping[str, str]
    cells: tuple[Cell, ...]
    dropout: float = 0.0
    weight_decay: float = 0.1
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model_family(self) -> Family:
        return family_of(self.family)

    @property
    def spread(self) -> float:
        """Largest over smallest number of tokens for each parameter."""
        ratios = [cell.tokens / cell.parameters for cell in self.cells]
        return max(ratios) / min(ratios)

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan of a study folder.

        Raises:
            UsageError: there is none, or one of another version or kind.
        """
        return cls.from_json(read_plan_json(folder), folder)

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> Plan:
        """A plan as ``study.json`` in ``folder`` has it."""
        try:
            if data.pop("kind") != cls.kind:
                raise ValueError("of another kind")
            cells = tuple(Cell.from_json(cell) for cell in data.pop("cells"))
            return cls(**{**data, "cells": cells, "warnings": tuple(data["warnings"])})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise broken_plan(folder, error) from None
