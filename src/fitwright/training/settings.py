"""What a training run may be told. Saved whole beside its result, so that it can be replayed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from fitwright.core.errors import UsageError

PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")
SCHEDULES = ("linear", "cosine", "constant", "wsd", "inverse-sqrt")
PACKINGS = ("auto", "on", "off")
PARALLEL = ("auto", "ddp", "fsdp")
METHODS = ("full", "lora", "head")


_CHOICES = {
    "precision": PRECISIONS, "packing": PACKINGS, "schedule": SCHEDULES, "method": METHODS,
    "parallel": PARALLEL, "attention_backend": ("auto", "flash", "varlen", "flex", "grouped"),
}  # fmt: skip
_COUNTS = (
    "epochs", "batch_size", "batch_tokens", "micro_batches", "max_length", "patience", "reference_batch",
    "lora_rank", "attention_window", "attention_window_above",
)  # fmt: skip
_SHARES = ("warmup", "dropout", "validation", "test", "final_rate", "lora_dropout", "replay_share")
_LIMITS: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (_COUNTS, lambda value: value >= 1, "at least 1"),
    (("learning_rate", "batch_growth", "lora_alpha"), lambda value: 0 < value < math.inf, "above 0"),
    (("max_grad_norm",), lambda value: value > 0, "above 0"),
    (("l2_to_start", "weight_decay"), lambda value: 0 <= value < math.inf, "at least 0"),
    (("checkpoint_s",), lambda value: value >= 0, "at least 0"),
    (("seed",), lambda value: 0 <= value < 2**32, "from 0 to 4,294,967,295"),
    (_SHARES, lambda value: 0 <= value < 1, "in [0, 1)"),
)
"""Settings, what their values must fulfil, and how that is said; a NaN fulfils nothing."""


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
        attention_backend: computes attention where nothing is padded: ``auto`` (a short timed probe where a
            machine has several), ``flash``, ``varlen``, ``flex`` or ``grouped``.
        attention_window: tokens that a token sees to each side in rows longer than
            ``attention_window_above``; ``None``: all of them. The model keeps it.
        batch_growth: factor on the batch after every epoch (:func:`schedule.batch_of_epoch`).
        learning_rate: peak, reached after ``warmup`` (a share of all steps).
        schedule: how the rate goes on from there: ``linear`` (to zero), ``cosine``, ``constant``, ``wsd``,
            ``inverse-sqrt``; ``final_rate``: the share of the peak that it never falls below.
        reference_batch: the batch that ``learning_rate`` was chosen for; another batch then changes the rate
            with the square root of the ratio (:func:`schedule.rate_for_batch`).
        weight_decay: of AdamW, on matrices only.
        max_grad_norm: gradients are scaled down to this norm.
        max_length: tokens a row is cut at.
        dropout: probability everywhere; ``None`` keeps the model's own.
        precision: ``auto`` (a short timed probe picks), ``fp32``, ``tf32``, ``bf16`` or ``fp16`` (autocast).
        method: what trains: ``full`` (all of it), ``lora`` (low-rank additions and the head) or ``head``.
        lora_rank, lora_alpha, lora_dropout: of the additions, which are scaled by alpha / rank.
        lora_targets: ``auto`` (every linear layer of the body) or names such as ``query,value``.
        replay_share: share of each step's rows (or tokens, with ``batch_tokens``) that comes from old data,
            where there is any.
        l2_to_start: weight of the penalty that draws parameters back to where they started.
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
    attention_backend: str = "auto"
    attention_window: int | None = None
    attention_window_above: int = 512
    batch_growth: float = 1.0
    learning_rate: float = 5e-5
    schedule: str = "linear"
    final_rate: float = 0.0
    reference_batch: int | None = None
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    max_length: int = 128
    dropout: float | None = None
    precision: str = "auto"
    method: str = "full"
    lora_rank: int = 8
    lora_alpha: float = 16.0
    lora_dropout: float = 0.0
    lora_targets: str = "auto"
    replay_share: float = 0.2
    l2_to_start: float = 0.0
    patience: int = 2
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    parallel: str = "auto"
    checkpoint_s: float = 30.0

    def __post_init__(self) -> None:
        for names, fits, must in _LIMITS:
            for name in names:
                value = getattr(self, name)
                if value is not None and not fits(value):
                    raise UsageError(f"{name} must be {must}", got=value)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UsageError(f"unknown {name}", got=getattr(self, name), allowed=", ".join(allowed))
        if self.packing == "off" and self.attention_backend != "auto":
            raise UsageError(
                "an attention backend is for rows without padding", got="packing=off beside it",
                mend="Leave --attention-backend out, or --packing off.",
            )  # fmt: skip

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
