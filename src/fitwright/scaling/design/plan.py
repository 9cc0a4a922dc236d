"""The plan of a study: which cells to train, how, and what they will cost. ``study.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.scaling.design.families import Family, family_of
from fitwright.scaling.design.shapes import Shape

SCHEMA = 1
PLAN_NAME = "study.json"
FIT, TARGET = "fit", "target"


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


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All cells and what they share.

    Attributes:
        family: name. vocabulary, block: tokens of the tokenizer and of a block. seed: of weights and order.
        corpus: file, fingerprint, documents, tokens to train on and held out.
        budget: what was asked for. speed: of the machine: how many runs side by side, and how measured.
        rules: how learning rate and batch were chosen, in words.
        dropout, weight_decay: regularisation of every cell.
    """

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
    def workers(self) -> int:
        """Runs side by side, a thread each."""
        return int(self.speed["workers"])

    @property
    def seconds(self) -> float:
        """Predicted for the whole study: all cells' seconds over the workers, or the longest cell alone."""
        longest = max(cell.seconds for cell in self.cells)
        return max(sum(cell.seconds for cell in self.cells) / self.workers, longest)

    @property
    def flops(self) -> float:
        return sum(cell.flops for cell in self.cells)

    @property
    def spread(self) -> float:
        """Largest over smallest number of tokens for each parameter."""
        ratios = [cell.tokens / cell.parameters for cell in self.cells]
        return max(ratios) / min(ratios)

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            "schema": SCHEMA, **plain, "cells": [asdict(cell) for cell in self.cells],
            "warnings": list(self.warnings),
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write ``study.json``."""
        write_json(folder / PLAN_NAME, self.as_json())

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan of a study folder.

        Raises:
            UsageError: there is none, or one of another version.
        """
        data = read_json(folder / PLAN_NAME, what="plan of a study")
        try:
            if data.pop("schema") != SCHEMA:
                raise ValueError("another version")
            cells = tuple(Cell.from_json(cell) for cell in data.pop("cells"))
            return cls(**{**data, "cells": cells, "warnings": tuple(data["warnings"])})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{PLAN_NAME} is no plan of a study ({error})", got=str(folder / PLAN_NAME),
                mend="Run 'fitwright study design' again.",
            ) from None  # fmt: skip
