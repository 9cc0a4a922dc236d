"""Families of models: the configuration of a shape, its exact parameters, its FLOPs and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.scaling.design.shapes import Shape
from fitwright.sizing import flops
from fitwright.sizing.memory import closed_form, runtime
from fitwright.spec.device import Device
from fitwright.spec.model import Kind, ModelSpec
from fitwright.spec.workload import Workload

END_ID, PAD_ID = 0, 1
"""Of the tokenizer that a study trains (``data.tokenizer_training``)."""
_GATED_STEP = 32


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of Transformer that a ladder is made of.

    Attributes:
        name: ``gpt2``, ``llama`` or ``bert``. title: for people.
        kind: ``decoder`` or ``encoder``. objective: what it is trained to do, the task of ``train``.
        architecture: the class of transformers. total: exact parameters of shape, vocabulary and positions.
    """

    name: str
    title: str
    kind: Kind
    objective: Literal["causal-language-modeling", "masked-language-modeling"]
    architecture: str
    inner: Callable[[Shape], int]
    total: Callable[[Shape, int, int], int]
    keys: Callable[[Shape, int, int], dict[str, Any]]

    def config(self, shape: Shape, vocabulary: int, positions: int) -> dict[str, Any]:
        """The ``config.json`` of a shape. No dropout: a token is seen once or few times."""
        return {
            "model_type": self.name, "architectures": [self.architecture], "vocab_size": vocabulary,
            "bos_token_id": END_ID, "eos_token_id": END_ID, "pad_token_id": PAD_ID,
            **self.keys(shape, vocabulary, positions),
        }  # fmt: skip

    def spec(self, shape: Shape, vocabulary: int, positions: int) -> ModelSpec:
        """What sizing is asked with."""
        return ModelSpec(
            id=shape.name, name=f"{self.title} {shape.name}", family=self.name, kind=self.kind,
            model_type=self.name, architecture=self.architecture,
            dims={
                "hidden": shape.width, "layers": shape.layers, "heads": shape.heads, "vocab": vocabulary,
                "ffn": self.inner(shape), "max_positions": positions,
            },
            parameters=self.total(shape, vocabulary, positions),
            embedding_parameters=vocabulary * shape.width, max_sequence_length=positions,
        )  # fmt: skip

    def flops_per_token(self, shape: Shape, vocabulary: int, positions: int) -> float:
        """Training FLOPs for each token: forward and backward, output matrix and attention's products too.

        Known error: :func:`fitwright.sizing.flops.forward`'s; causal attention is counted whole.
        """
        spec = self.spec(shape, vocabulary, positions)
        found = flops.per_batch(spec, Workload(mode="train", batch=1, seq=positions)) or 0
        output = 0 if flops.has_vocabulary_output(spec) else 6 * vocabulary * shape.width
        return found / positions + output

    def memory_bytes(self, shape: Shape, vocabulary: int, positions: int, batch: int) -> int:
        """Memory of a training process on a CPU: a formula's estimate, libraries included."""
        spec = self.spec(shape, vocabulary, positions)
        workload = Workload(mode="train", batch=batch, seq=positions)
        found = closed_form.estimate(spec, workload, Device(name="cpu", kind="cpu"))
        logits = 0 if flops.has_vocabulary_output(spec) else 2 * 4 * batch * positions * vocabulary
        return round((found.total.value if found else 0) + logits + runtime.LIBRARIES_BYTES)


def _four(shape: Shape) -> int:
    return 4 * shape.width


def _gated(shape: Shape) -> int:
    """8/3 of the width, rounded up to 32, so that three matrices weigh what two of four times it do."""
    return -(-8 * shape.width // (3 * _GATED_STEP)) * _GATED_STEP


def _gpt2_total(shape: Shape, vocabulary: int, positions: int) -> int:
    width = shape.width
    return (vocabulary + positions) * width + shape.layers * (12 * width**2 + 13 * width) + 2 * width


def _llama_total(shape: Shape, vocabulary: int, positions: int) -> int:  # noqa: ARG001
    width = shape.width
    layer = 4 * width**2 + 3 * width * _gated(shape) + 2 * width
    return vocabulary * width + shape.layers * layer + width


def _bert_total(shape: Shape, vocabulary: int, positions: int) -> int:
    width = shape.width
    inputs = (vocabulary + positions + 2) * width + 2 * width
    head = width**2 + width + 2 * width + vocabulary
    return inputs + shape.layers * (12 * width**2 + 13 * width) + head


def _gpt2_keys(shape: Shape, vocabulary: int, positions: int) -> dict[str, Any]:  # noqa: ARG001
    return {
        "n_embd": shape.width, "n_head": shape.heads, "n_layer": shape.layers, "n_positions": positions,
        "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
    }  # fmt: skip


def _llama_keys(shape: Shape, vocabulary: int, positions: int) -> dict[str, Any]:  # noqa: ARG001
    return {
        "hidden_size": shape.width, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "num_hidden_layers": shape.layers, "intermediate_size": _gated(shape),
        "max_position_embeddings": positions, "tie_word_embeddings": True,
    }  # fmt: skip


def _bert_keys(shape: Shape, vocabulary: int, positions: int) -> dict[str, Any]:  # noqa: ARG001
    return {
        "hidden_size": shape.width, "num_attention_heads": shape.heads, "num_hidden_layers": shape.layers,
        "intermediate_size": 4 * shape.width, "max_position_embeddings": positions,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


FAMILIES = {
    family.name: family
    for family in (
        Family(name="gpt2", title="GPT-2 style decoder", kind="decoder", inner=_four, keys=_gpt2_keys,
               objective="causal-language-modeling", architecture="GPT2LMHeadModel", total=_gpt2_total),
        Family(name="llama", title="Llama style decoder", kind="decoder", inner=_gated, keys=_llama_keys,
               objective="causal-language-modeling", architecture="LlamaForCausalLM", total=_llama_total),
        Family(name="bert", title="BERT style encoder", kind="encoder", inner=_four, keys=_bert_keys,
               objective="masked-language-modeling", architecture="BertForMaskedLM", total=_bert_total),
    )
}  # fmt: skip


def family_of(name: str) -> Family:
    """The family of that name.

    Raises:
        UsageError: none of it.
    """
    if name not in FAMILIES:
        raise UsageError("unknown family of models", got=name, allowed=", ".join(FAMILIES))
    return FAMILIES[name]
