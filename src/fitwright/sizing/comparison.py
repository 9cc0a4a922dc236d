"""Several models under one workload on one device: the rows of ``compare``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fitwright.sizing.interface import estimate
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of a comparison. ``asked``: the name it was asked for by."""

    asked: str
    spec: ModelSpec
    record: Record
    workload: Workload
    device: Device

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is ``null``, never left out."""
        return {
            "schema": SCHEMA,
            "asked": self.asked,
            "model": self._model(),
            "workload": self.workload.as_json(),
            "device": self.device.as_json(),
            "flops": {"forward": self._whole("flops"), "training_step": self._whole("flops-training-step")},
            "size": plain(self.record.get("size")),
            "memory": self._memory(),
            "latency": plain(self.record.get("latency")),
            "assumptions": list(self.record.context["assumptions"]),
        }

    def _model(self) -> dict[str, Any]:
        spec = self.spec
        return {
            "id": spec.id, "name": spec.name, "class": spec.architecture, "kind": spec.kind,
            "family": spec.family, "layers": layers_text(spec), "dims": dict(spec.dims),
            "max_sequence_length": spec.max_sequence_length, "open_weights": spec.open_weights,
            "licence": spec.licence, "languages": list(spec.languages), "tasks": list(spec.tasks),
            "recommended_use": recommended_use(spec), "confidence": spec.confidence,
            "parameters": {
                "total": spec.parameters,
                "non_embedding": self._whole("non-embedding"),
                "active": plain(self.record.get("active")),
            },
        }  # fmt: skip

    def _memory(self) -> dict[str, Any] | None:
        total = plain(self.record.get("memory"))
        if total is None:
            return None
        names = ("weights", "gradients", "optimiser", "activations", "logits")
        breakdown = {name: self._whole(f"memory-{name}") for name in names}
        return {**total, "kind": "allocated", "breakdown": breakdown}

    def _whole(self, name: str) -> int | None:
        value = self.record.value(name)
        return None if value is None else round(value)


def plain(quantity: Quantity | None) -> dict[str, Any] | None:
    """``{value, unit, origin, low, high, note}``, or ``None``."""
    return None if quantity is None else quantity.as_json()


def compare(models: Sequence[tuple[str, ModelSpec]], workload: Workload, device: Device) -> tuple[Row, ...]:
    """One row a model, in the order given. ``models``: (name asked for, spec)."""
    return tuple(
        Row(asked=asked, spec=spec, record=estimate(spec, workload, device), workload=workload, device=device)
        for asked, spec in models
    )


def layers_text(spec: ModelSpec) -> str | None:
    """``12``; encoder and decoder stacks as ``6+6``; the towers of a multimodal model likewise."""
    dims = spec.dims
    for first, second in (("encoder_layers", "decoder_layers"), ("text_layers", "vision_layers")):
        if first in dims and second in dims:
            return f"{dims[first]}+{dims[second]}"
    return str(dims["layers"]) if "layers" in dims else None


_USES: tuple[tuple[str, str], ...] = (
    ("sentence-similarity", "search, embeddings"),
    ("long-document classification", "long-text classification"),
    ("automatic-speech-recognition", "speech to text"),
    ("image-captioning", "image captions"),
    ("visual-question-answering", "questions about images"),
    ("zero-shot-image-classification", "image–text matching"),
    ("image-classification", "image classification"),
    ("text-classification", "classification, tagging"),
    ("summarization", "summaries, translation"),
    ("translation", "translation"),
    ("text-generation", "text generation"),
    ("text2text-generation", "text to text"),
    ("fill-mask", "fill-mask, fine-tuning"),
    ("feature-extraction", "embeddings, fine-tuning"),
)


def recommended_use(spec: ModelSpec) -> str | None:
    """A few words from the tasks that the model is published for; ``None`` if there are none."""
    return next((words for task, words in _USES if task in spec.tasks), None)
