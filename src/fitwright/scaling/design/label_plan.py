"""The plan of a study of labelled data: encoders × labelled rows × epochs, and what each cell will cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.scaling.design.plan import LABELS, StudyPlan, broken_plan
from fitwright.scaling.design.shapes import Shape


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A model that the labels are tried on.

    Attributes:
        name: for people, and in the names of cells.
        path: the folder of its weights; ``None``: from scratch, in ``shape``.
        parameters, non_embedding: N with and without the input embedding.
    """

    name: str
    path: str | None
    shape: Shape | None
    parameters: int
    non_embedding: int

    @property
    def is_pretrained(self) -> bool:
        return self.path is not None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoder:
        shape = None if data["shape"] is None else Shape(**data["shape"])
        return cls(**{**data, "shape": shape})


@dataclass(frozen=True, kw_only=True)
class LabelCell:
    """One run.

    Attributes:
        name: of its folder and its row. encoder: name of its model.
        unique_rows: labelled rows that it is trained on, each different.
        draw: which nested order of the rows they are the first of.
        batch_rows: of an optimiser step. learning_rate: peak.
        dropout: probability; ``None`` keeps the model's own.
        flops, seconds, memory_bytes: predicted: of the training products; on one thread, evaluations
            included; of the process.
    """

    name: str
    encoder: str
    unique_rows: int
    epochs: int
    draw: int
    batch_rows: int
    learning_rate: float
    dropout: float | None
    weight_decay: float
    flops: float
    seconds: float
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class LabelPlan(StudyPlan):
    """The ladder of labelled data.

    Attributes:
        encoders: smallest first. vocabulary: of the tokenizer of those from scratch, 0 where there are none.
        max_length: tokens a row is cut at. seed: of split, orders, weights.
        data: file, columns, fingerprint, classes, rows of each part, how often guessing is wrong.
        budget: what was asked for. rules: how rate and batch were chosen, in words.

    Raises:
        UsageError: two cells have one name, and so one folder.
    """

    kind: ClassVar[str] = LABELS
    encoders: tuple[Encoder, ...]
    vocabulary: int
    max_length: int
    seed: int
    data: Mapping[str, Any]
    budget: Mapping[str, Any]
    speed: Mapping[str, Any]
    rules: Mapping[str, str]
    cells: tuple[LabelCell, ...]
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(cell.name for cell in self.cells).items() if count > 1]
        if twice:
            more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
            raise UsageError(
                "two cells of the study have one name", got=f"{twice[0]}{more}",
                allowed="encoders whose names differ in letters and digits; other numbers, to six digits",
                mend="Name encoders apart, such as --model small=PATH, and design the study again.",
            )  # fmt: skip

    @property
    def amounts(self) -> tuple[int, ...]:
        """Labelled rows of the cells, ascending."""
        return tuple(sorted({cell.unique_rows for cell in self.cells}))

    @property
    def tries_regularisation(self) -> bool:
        """Whether an encoder is trained with more than one dropout and weight decay."""
        settings = {(cell.encoder, cell.dropout, cell.weight_decay) for cell in self.cells}
        return len(settings) > len({cell.encoder for cell in self.cells})

    def encoder(self, name: str) -> Encoder:
        """The encoder of that name."""
        return next(encoder for encoder in self.encoders if encoder.name == name)

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> LabelPlan:
        """A plan as ``study.json`` in ``folder`` has it.

        Raises:
            UsageError: it is none.
        """
        try:
            if data.pop("kind") != cls.kind:
                raise ValueError("of another kind")
            return cls(
                **{
                    **data,
                    "cells": tuple(LabelCell(**cell) for cell in data["cells"]),
                    "encoders": tuple(Encoder.from_json(part) for part in data["encoders"]),
                    "warnings": tuple(data["warnings"]),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise broken_plan(folder, error) from None
