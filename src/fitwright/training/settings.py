"""What a training run may be told. Saved whole beside its result, so that it can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from fitwright.core.errors import UsageError

PRECISIONS = ("auto", "fp32", "bf16")
_BOOLEANS = {"on": True, "true": True, "off": False, "false": False}
PACKINGS = ("auto", "on", "off")
PARALLEL = ("auto", "ddp", "fsdp")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of the loop.

    Attributes:
        epochs: passes over the training rows, at least 1.
        batch_size: rows in an optimiser step.
        batch_tokens: tokens in an optimiser step, in place of ``batch_size``.
        micro_batches: parts that a step is computed in; doubled where memory does not suffice. The step
            stays the same.
        packing: compute no padding: ``auto`` (where it pays and the model can), ``on`` or ``off``.
        learning_rate: peak, reached after ``warmup`` (a share of all steps), then linear to zero.
        weight_decay: of AdamW, on matrices only.
        max_grad_norm: gradients are scaled down to this norm.
        max_length: tokens a row is cut at.
        dropout: probability everywhere; ``None`` keeps the model's own.
        precision: ``auto`` (a short timed probe picks), ``fp32`` or ``bf16`` (autocast).
        patience: epochs without a better validation result before the run stops.
        validation, test: shares of the rows held out, by hash of the text.
        seed: of the split, the order of rows, dropout and the new head.
        parallel: how several processes share a model: ``ddp`` (each has all of it), ``fsdp`` (each has a part
            of every layer) or ``auto`` (``fsdp`` where it would fill most of a GPU).
        checkpoint_s: seconds between checkpoints, beside the one after every epoch.
    """

    epochs: int = 3
    batch_size: int = 32
    batch_tokens: int | None = None
    micro_batches: int = 1
    packing: str = "auto"
    learning_rate: float = 5e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    max_length: int = 128
    dropout: float | None = None
    precision: str = "auto"
    patience: int = 2
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    parallel: str = "auto"
    checkpoint_s: float = 30.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "batch_tokens", "micro_batches", "max_length", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1", got=value)
        if not self.learning_rate > 0:
            raise UsageError("learning_rate must be above 0", got=self.learning_rate)
        for name in ("warmup", "dropout", "validation", "test"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"{name} must be in [0, 1)", got=value)
        if self.precision not in PRECISIONS:
            raise UsageError("unknown precision", got=self.precision, allowed=", ".join(PRECISIONS))
        if self.packing not in PACKINGS:
            raise UsageError("unknown packing", got=self.packing, allowed=", ".join(PACKINGS))
        if self.parallel not in PARALLEL:
            raise UsageError("unknown parallel", got=self.parallel, allowed=", ".join(PARALLEL))

    def but(self, **changes: Any) -> Self:
        """A copy with some settings changed; an unknown name is an error."""
        unknown = set(changes) - set(self.__dataclass_fields__)
        if unknown:
            raise UsageError(
                "unknown training settings", got=sorted(unknown), allowed=", ".join(self.__dataclass_fields__)
            )
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def settings_of(given: Mapping[str, str], base: TrainSettings) -> TrainSettings:
    """``base`` with settings changed that are given as text, such as ``{"weight_decay": "0.1"}``.

    Raises:
        UsageError: unknown setting, or a value that is not of its type.
    """
    return base.but(**{name: _read(name, text) for name, text in given.items()})


def _read(name: str, text: str) -> Any:
    """The value in the setting's own type; a name that no setting has is left to ``but``."""
    field = TrainSettings.__dataclass_fields__.get(name)
    kinds = str(field.type).split(" | ") if field else ["str"]
    if "None" in kinds and text.lower() == "none":
        return None
    if "bool" in kinds and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return {"int": int, "float": float, "str": str}[kinds[0]](text)
    except (KeyError, ValueError):
        raise UsageError(
            f"the setting {name} has a wrong value", got=text, allowed=" or ".join(kinds)
        ) from None
