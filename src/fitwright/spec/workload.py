"""What a latency or a memory figure is about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.spec.device import PRECISIONS

Mode = Literal["infer", "train"]
OPTIMISERS = (
    "adamw", "adamw-plain", "adamw-foreach", "adamw-fused", "adamw-8bit", "adafactor", "sgd", "sgd-momentum",
)  # fmt: skip
"""``adamw`` is what torch chooses: foreach on a GPU, plain on a CPU."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One batch of work.

    Attributes:
        mode: ``infer`` (one forward pass) or ``train`` (one optimiser step).
        batch: rows, at least 1.
        seq: tokens a row, at least 1.
        precision: of matrix products.
        casting: ``autocast`` keeps weights in fp32 and casts for the products; ``pure`` keeps all in the
            lower precision. ``None``: pure for inference, autocast for training. Of bf16 and fp16 alone.
        attention: ``fused`` (scores are never stored) or ``eager``.
        optimiser: of training: ``adamw`` (as torch chooses), ``adamw-plain``, ``adamw-foreach``,
            ``adamw-fused``, ``adamw-8bit``, ``adafactor``, ``sgd``, ``sgd-momentum``.
        checkpointing: layers compute their forward pass again in the backward pass.
        accumulation: parts that a training batch is split into; divides ``batch``.
        lora_rank: train adapters of this rank beside every attention projection, nothing else; ``None``:
            train all.
    """

    mode: Mode = "infer"
    batch: int = 1
    seq: int = 128
    precision: str = "fp32"
    casting: Literal["autocast", "pure"] | None = None
    attention: Literal["fused", "eager"] = "fused"
    optimiser: str = "adamw"
    checkpointing: bool = False
    accumulation: int = 1
    lora_rank: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("infer", "train"):
            raise UsageError("unknown mode", got=self.mode, allowed="infer, train")
        for name, value in (("batch", self.batch), ("seq", self.seq)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1", got=value)
        if self.precision not in PRECISIONS:
            raise UsageError("unknown precision", got=self.precision, allowed=", ".join(PRECISIONS))
        self._check_choices()
        if self.mode == "train":
            self._check_training()
        else:
            self._check_inference()

    def _check_choices(self) -> None:
        for name, value, allowed in (
            ("casting", self.casting, (None, "autocast", "pure")),
            ("attention", self.attention, ("fused", "eager")),
            ("optimiser", self.optimiser, OPTIMISERS),
        ):
            if value not in allowed:
                known = ", ".join(choice for choice in allowed if choice)
                raise UsageError(f"unknown {name}", got=value, allowed=known)
        if self.casting is not None and self.precision not in ("bf16", "fp16"):
            raise UsageError(
                "casting belongs to bf16 and fp16", got=f"{self.casting} at {self.precision}",
                mend="Give --precision bf16 or fp16, or leave --casting out.",
            )  # fmt: skip

    def _check_training(self) -> None:
        if self.precision in ("int8", "int4"):
            raise UsageError(
                "no training at whole-number precisions", got=self.precision, allowed="fp32, tf32, bf16, fp16"
            )
        if self.accumulation < 1 or self.batch % self.accumulation:
            raise UsageError(
                "accumulation must divide the batch", got=f"{self.accumulation} of {self.batch} rows",
                allowed=", ".join(str(n) for n in range(1, min(self.batch, 64) + 1) if self.batch % n == 0),
            )  # fmt: skip
        if self.lora_rank is not None and self.lora_rank < 1:
            raise UsageError("lora-rank must be at least 1", got=self.lora_rank)

    def _check_inference(self) -> None:
        usual = {"optimiser": "adamw", "checkpointing": False, "accumulation": 1, "lora_rank": None}
        for name, value in usual.items():
            if getattr(self, name) != value:
                raise UsageError(
                    f"{name.replace('_', '-')} belongs to training, the mode is infer",
                    got=getattr(self, name),
                    mend="Give --mode train, or leave it out.",
                )

    @property
    def micro_batch(self) -> int:
        """Rows of one forward pass."""
        return self.batch // self.accumulation

    @property
    def is_autocast(self) -> bool:
        """Whether weights stay in fp32 under products in a lower precision."""
        if self.precision not in ("bf16", "fp16"):
            return False
        return (self.casting or ("autocast" if self.mode == "train" else "pure")) == "autocast"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
