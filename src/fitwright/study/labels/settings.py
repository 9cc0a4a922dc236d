"""What a ladder of labelled data is asked to be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.scaling.design import rules


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Settings of a design.

    Attributes:
        models: ``PATH`` or ``NAME=PATH`` of encoders with weights.
        shapes: of encoders from scratch; ``None``: none beside models, else three small ones.
        minutes, flops: the budget; ``None``: as many rows as there are.
        rows: amounts of labelled rows; empty: seven in equal ratios.
        epochs: passes over the rows; larger numbers are tried on few rows alone.
        draws: nested orders of the rows that amounts of at most a quarter are drawn from.
        vocabulary: of the tokenizer of encoders from scratch; ``None``: by rule.
        max_length: tokens a row is cut at.
        learning_rate: peak from scratch at a width of 128; other widths follow by rule.
        model_rate: peak of models with weights.
        dropout, weight_decay: regularisations that are tried, each with each; dropout ``()``: the model's
            own, 0.1 from scratch.
        validation, held_out: shares of the texts that choose the epoch, and that judge.
        seed: of split, orders, weights.
    """

    models: tuple[str, ...] = ()
    shapes: str | None = None
    minutes: float | None = None
    flops: float | None = None
    rows: tuple[int, ...] = ()
    epochs: tuple[int, ...] = (3, 12)
    draws: int = 2
    vocabulary: int | None = None
    max_length: int = 128
    learning_rate: float = rules.BASE_RATE
    model_rate: float = 1e-4
    dropout: tuple[float, ...] = ()
    weight_decay: tuple[float, ...] = (0.01,)
    validation: float = 0.1
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        budgets = [name for name in ("minutes", "flops") if getattr(self, name) is not None]
        if len(budgets) + bool(self.rows) > 1:
            raise UsageError("the size of the ladder is given twice",
                             got=", ".join([*budgets, *["rows"] * bool(self.rows)]),
                             allowed="--minutes, --flops, --rows or none of them: all rows")  # fmt: skip
        for name in ("minutes", "flops", "learning_rate", "model_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} must be a positive number", got=value)
        for name in ("epochs", "rows"):
            if any(value < 1 for value in getattr(self, name)):
                raise UsageError(f"{name} must be whole numbers of at least 1", got=getattr(self, name))
        for name in ("epochs", "rows", "dropout", "weight_decay"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise UsageError(f"{name} has a number twice", got=", ".join(map(str, values)),
                                 mend="Give each once.")  # fmt: skip
        if not self.epochs or self.draws < 1 or self.max_length < 8:
            raise UsageError("epochs, draws or tokens are too few",
                             got=(self.epochs, self.draws, self.max_length),
                             allowed="one or more epochs and draws, 8 tokens or more")  # fmt: skip
        if any(not 0 <= p < 1 for p in self.dropout) or any(not 0 <= w < math.inf for w in self.weight_decay):
            raise UsageError("dropout is in [0, 1), weight_decay at least 0",
                             got=(self.dropout, self.weight_decay))  # fmt: skip
