"""What a trace depends on besides the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a trace depends on besides the model.

    Attributes:
        mode: ``infer`` (forward pass) or ``train`` (forward and backward pass).
        precision: ``fp32``; ``low`` (weights and activations in bf16 or fp16); ``autocast`` (weights fp32,
            products low).
        attention: ``eager`` or ``fused``.
        device: ``cpu`` or ``cuda``: dropout masks, fused attention and autocast's lists differ.
        checkpointing: layers compute their forward pass again in the backward pass.
        window: ``short`` where the sequence is below the model's local attention window, else ``long``.
    """

    mode: Literal["infer", "train"] = "infer"
    precision: Literal["fp32", "low", "autocast"] = "fp32"
    attention: Literal["eager", "fused"] = "fused"
    device: Literal["cpu", "cuda"] = "cpu"
    checkpointing: bool = False
    window: Literal["short", "long"] = "short"

    def key(self) -> str:
        """A short name, unique among conditions: ``train-fp32-fused-cpu``."""
        parts: list[str] = [self.mode, self.precision, self.attention, self.device]
        parts += ["checkpointing"] * self.checkpointing + ["long"] * (self.window == "long")
        return "-".join(parts)


def window_of(values: Mapping[str, Any]) -> int | None:
    """Tokens of the local attention window, ``None`` where every token sees all."""
    if values.get("use_sliding_window") is False:
        return None
    if values.get("model_type") == "modernbert":  # its window counts both sides
        return int(values.get("local_attention", 128)) // 2
    for name in ("sliding_window", "window_size"):
        size = values.get(name)
        if isinstance(size, int) and size > 1:
            return size
    return None
