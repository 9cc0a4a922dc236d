"""What is known of a model before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["encoder", "decoder", "encoder-decoder", "vision", "multimodal", "cnn", "rnn"]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model's facts.

    Attributes:
        id: catalogue id (Hub id), or the path of a model directory.
        name: the human name.
        kind: the shape of the architecture.
        model_type, architecture: as in ``config.json``: ``bert``, ``BertForMaskedLM``.
        dims: normalised sizes: ``hidden``, ``layers`` (or ``encoder_layers`` and ``decoder_layers``, each
            per stack), ``heads``, ``kv_heads``, ``ffn``, ``vocab``, ``max_positions``. Unknown is absent.
        parameters: exact count of ``architecture``, each shared tensor once, buffers excluded.
        embedding_parameters: input embedding matrix alone; ``None`` where unknown.
        max_sequence_length: tokens; ``None`` where there is no limit or it is unknown.
        weights: where loadable weights are: a local directory, or ``None`` (only the Hub has them).
    """

    id: str
    name: str
    family: str
    kind: Kind
    model_type: str
    architecture: str
    dims: Mapping[str, int]
    parameters: int
    embedding_parameters: int | None = None
    max_sequence_length: int | None = None
    languages: tuple[str, ...] = ()
    licence: str | None = None
    open_weights: bool | None = None
    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    confidence: str = "unknown"
    notes: str = ""
    warning: str = ""
    weights: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def layers(self) -> int | None:
        """Transformer layers; of an encoder-decoder, of one stack (the encoder's)."""
        return self.dims.get("layers", self.dims.get("encoder_layers"))
